"""The loss of one task over a batch: the mean over the samples that have the label."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import present
from .contracts import Loss
from .specs import Image


def masked_loss(loss: Loss, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss over present labels (0 when there is none) and their number, both scalars.

    Nothing is read back from the device.
    """
    if isinstance(loss.target, Image):
        per_sample = loss(raw, target)
        return per_sample.mean(), torch.full((), float(len(per_sample)), device=raw.device)
    there = present(target)
    # An absent label's value is replaced before the loss sees it: NaN times zero would still be NaN.
    mask = there.reshape(-1, *[1] * (target.dim() - 1))
    filled = torch.where(mask, target, torch.zeros_like(target))
    count = there.sum().to(raw.dtype)
    total = torch.where(there, loss(raw, filled), torch.zeros((), device=raw.device)).sum()
    return total / count.clamp(min=1.0), count
