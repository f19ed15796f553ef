"""Losses that are not finite: found on the device, told after the epoch, never used for an update."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import MtlError

HINT = "lower train.learning_rate, or look at the data; epochs before this one are in the checkpoint"


class NotFiniteError(MtlError):
    """A loss became infinite or not a number; no such update was applied (status 1)."""


class Failure:
    """Remembers on the device the first step whose losses were not finite, and which they were.

    `found` is 1 from that step on: a fused optimizer given it as `found_inf` skips the update.
    """

    def __init__(self, tasks: int, device: torch.device) -> None:
        self.found = torch.zeros((), device=device)
        self._step = torch.full((), -1, dtype=torch.int64, device=device)
        self._tasks = torch.zeros(tasks, dtype=torch.bool, device=device)

    def note(self, losses: Tensor, step: int) -> None:
        """Look at the losses `[T]` of a step, counted from 0, without reading them back."""
        bad = ~torch.isfinite(losses.detach())
        first = bad.any() & (self._step < 0)
        self._step = torch.where(first, step, self._step)
        self._tasks = torch.where(first, bad, self._tasks)
        # Once found it stays: no later step of the epoch may update from what came after.
        self.found = torch.maximum(self.found, bad.any().float())

    def raise_if_found(self, tasks: Sequence[str], epoch: int) -> None:
        """Raise `NotFiniteError` naming the first bad step and task; waits for the device."""
        step = int(self._step)
        if step < 0:
            return
        bad = [name for name, is_bad in zip(tasks, self._tasks.tolist(), strict=True) if is_bad]
        raise NotFiniteError(
            f"the loss of task {bad[0]!r} is not finite at epoch {epoch}, step {step + 1}", hint=HINT
        )
