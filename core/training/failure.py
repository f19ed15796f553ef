"""Losses that cannot be trained on: found on the device, told after the epoch, never used for an update."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..base.errors import UsageError


class NotFiniteError(UsageError):
    """A loss became infinite or not a number: the recipe diverges; no such update was applied (status 2)."""

    def __init__(self, message: str, epoch: int) -> None:
        kept = "; epochs before this one are in the checkpoint" if epoch > 1 else ""
        super().__init__(message, hint=f"lower train.learning_rate, or look at the data{kept}")


class NegativeLossError(UsageError):
    """A loss was below 0 where the balancer needs positive ones; no such update was applied (status 2)."""


class Failure:
    """Remembers on the device that a balanced loss of the epoch was not finite.

    `found` is 1 from that step on: a fused update given it is skipped.
    """

    def __init__(self, device: torch.device) -> None:
        self.found = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)

    @property
    def state(self) -> tuple[Tensor, ...]:
        """What is remembered."""
        return (self.found,)

    def restart(self) -> None:
        """Forget, for a new epoch."""
        self.found.zero_()

    def note(self, balanced: Tensor) -> None:
        """Look at a step's balanced losses `[T]`, without reading them back."""
        # What torch looks at gradients with before it scales them, here by 1: one kernel. It never takes back
        # what it has found: no later step of the epoch may update from what came after.
        torch._amp_foreach_non_finite_check_and_unscale_([balanced], self.found, self._one)

    def raise_if_found(
        self, losses: Tensor, balanced: Tensor, tasks: Sequence[str], epoch: int, positive: str | None = None
    ) -> None:
        """Raise an error naming the first bad step and task; losses and balanced ones are `[steps, T]`.

        `positive` is the name of the balancer if it needs positive losses: of a negative one it is a
        `NegativeLossError`.
        """
        if not bool(self.found):
            return
        step = int((~torch.isfinite(balanced)).any(dim=1).int().argmax())
        where = f"at epoch {epoch}, step {step + 1}"
        negative = (losses[step] < 0) & balanced[step].isnan()
        if positive and bool(negative.any()) and bool(losses[step].isfinite().all()):
            task = int(negative.int().argmax())
            raise NegativeLossError(
                f"the loss of task {tasks[task]!r} is negative ({losses[step, task]:.3g}) {where}; "
                f"balancer {positive!r} needs losses above 0",
                hint="add a constant to that loss, or choose a balancer that takes losses of any sign",
            )
        task = int(balanced[step].nan_to_num(nan=torch.inf).abs().argmax())
        raise NotFiniteError(f"the loss of task {tasks[task]!r} is not finite {where}", epoch)


def refuse_unseen(tasks: Sequence[str], seen: Tensor, epoch: int) -> None:
    """Raise `UsageError` for a task of whose labels an epoch saw none; `seen` `[T]` are how many it saw."""
    for name, count in zip(tasks, seen.tolist(), strict=True):
        if count == 0:
            raise UsageError(
                f"task {name!r} saw no label in epoch {epoch}",
                hint="leave the task out, or give at least some training samples its label",
            )
