"""What the steps of an epoch gave, in tensors that are made once."""

from __future__ import annotations

from .step import StepLosses


class EpochLosses:
    """Keeps what blocks of steps give; `steps` is how many the epoch has.

    Small tensors that stay, between large ones that come and go, would leave holes in the heap that no large
    one fits into: it would grow with every step.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._kept: StepLosses | None = None
        self.done = 0

    def add(self, found: StepLosses) -> None:
        """Keep a block's steps, `[K, ...]` each."""
        if self._kept is None:
            self._kept = StepLosses(*(part.new_empty((self._steps, *part.shape[1:])) for part in found))
        until = self.done + len(found.losses)
        for kept, part in zip(self._kept, found, strict=True):
            kept[self.done : until] = part
        self.done = until

    def so_far(self) -> StepLosses:
        """Return what the steps up to now gave, `[done, ...]` each."""
        return StepLosses(*(part[: self.done] for part in self.all()))

    def all(self) -> StepLosses:
        """Return what all steps gave, `[steps, ...]` each."""
        assert self._kept is not None
        return self._kept
