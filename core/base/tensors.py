"""Named tensors as the bytes of a safetensors file: no pickle, nothing shared, nothing strided."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors.torch import save
from torch import Tensor


def to_safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Return the file's content, each tensor with memory of its own.

    Tensors may lie anywhere and in any memory format, and several names may stand for one tensor (tied
    weights): each is written out, and loading both names gives the same values again.

    >>> tied = torch.arange(4.0).view(2, 2)
    >>> len(to_safetensors({"a": tied, "b": tied.T})) > 0
    True
    """
    own = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
        for name, tensor in tensors.items()
    }
    return save(own)
