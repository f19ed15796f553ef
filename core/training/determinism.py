"""The same bytes again: on CUDA several operations add in any order unless they are told not to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..base.errors import UsageError

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_REFUSAL = re.compile(r"(\S+) does not have a deterministic implementation")


@contextmanager
def deterministic(wanted: bool, device: torch.device) -> Iterator[None]:
    """Let every operation in the block give the same bytes for the same input, where that is `wanted`.

    On a CPU they do anyway. On CUDA torch takes other algorithms, slower ones here and there; raises
    `UsageError` naming an operation that has none.
    """
    if not wanted or device.type != "cuda":
        yield
        return
    # Read by cuBLAS when it is first used: two sizes of work space, one stream at a time.
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    mode, tries = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.benchmark = False
    try:
        yield
    except RuntimeError as error:
        found = _REFUSAL.search(str(error))
        if found is None:
            raise
        raise UsageError(
            f"train.deterministic: {found[1]} has no deterministic implementation on {device.type}",
            hint="choose another component, train on the CPU, or leave train.deterministic out",
        ) from error
    finally:
        torch.set_deterministic_debug_mode(mode)
        torch.backends.cudnn.benchmark = tries
