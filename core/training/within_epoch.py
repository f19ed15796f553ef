"""Where in an epoch the state of a training is kept, and what is kept of the steps before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from torch import Tensor

from ..composition.composition import Composition
from ..data.samples import Samples
from .blocks import step_sizes
from .checkpoint import Checkpoint
from .epoch_losses import EpochLosses
from .requirements import not_by_shards
from .sampling import Draws, ShardDraws, draws_of
from .state import group_of
from .step import StepLosses

_GROUP = "epoch"
"""The group of a checkpoint's tensors that the steps of the epoch in hand gave."""


class WithinEpoch:
    """Says where the epochs of a training are kept, in blocks of `block` steps, and goes on from there."""

    def __init__(self, composition: Composition, draws: Draws | ShardDraws, block: int) -> None:
        training = composition.recipe.train
        self._every, self._runs = training.checkpoint_every, training.accumulate
        self._draws, self._seed, self._block = draws, composition.recipe.seed, block
        self._sizes = step_sizes(draws.count, training.batch_size)
        self._before: Mapping[str, Tensor] = {}

    def kept_after(self, epoch: int) -> frozenset[int]:
        """Return after how many steps of an epoch its state is kept: where a block of steps ends.

        The random numbers of a block are drawn together, so the training goes on with the next one: behind
        so many steps, or behind the last sample of a group of shards. It is not kept amid batches that make
        one update, nor after the last step, when the epoch itself is.
        """
        ends = range(self._block, len(self._sizes), self._block)
        steps = [end for end in ends if end % self._runs == 0]
        if isinstance(self._every, int):
            return _behind(range(self._every, len(self._sizes), self._every), steps, steps)
        if self._every is None or not isinstance(self._draws, ShardDraws):
            return frozenset()
        samples = list(accumulate(self._sizes))
        return _behind(self._draws.ends(self._seed, epoch), steps, [samples[step - 1] for step in steps])

    def checkpoint(self, before: Checkpoint, found: EpochLosses, seen: Tensor) -> Checkpoint:
        """Return the state in the middle of the epoch that follows `before`, which has its tensors.

        `found` is what its steps gave, `seen` the sum of the tasks' weights.
        """
        given = {**found.so_far()._asdict(), "seen": seen}
        own = {f"{_GROUP}/{name}": value for name, value in given.items()}
        tensors = {**before.tensors, **own}
        return Checkpoint(before.epoch, tensors, {**before.state, "steps": found.done, "block": self._block})

    def takes(self, checkpoint: Checkpoint) -> bool:
        """Return whether a checkpoint is of a whole epoch, or of one taken in the same blocks."""
        steps = checkpoint.state.get("steps")
        return steps is None or (checkpoint.state["block"] == self._block and steps < len(self._sizes))

    def resume(self, checkpoint: Checkpoint) -> None:
        """Begin the next epoch where a checkpoint is."""
        self._before = group_of(checkpoint.tensors, _GROUP)

    def begin(self, seen: Tensor) -> EpochLosses:
        """Return what the steps of the epoch in hand gave before it was resumed; `seen` gets what it was."""
        found, before = EpochLosses(len(self._sizes)), self._before
        if before:
            found.add(StepLosses(*(before[name].to(seen.device) for name in StepLosses._fields)))
            seen.copy_(before["seen"])
        self._before = {}
        return found


def refuse_without_shards(composition: Composition, train: Samples) -> None:
    """Raise `UsageError` where a training is to be kept after shards, and its data are not drawn by them."""
    if composition.recipe.train.checkpoint_every != "shards":
        return
    if not isinstance(draws_of(composition, train), ShardDraws):
        raise not_by_shards()


def _behind(marks: Sequence[int], steps: Sequence[int], ends: Sequence[int]) -> frozenset[int]:
    """Return of `steps`, which end at `ends`, those before which a mark was passed."""
    passed = [bisect_right(marks, end) for end in ends]
    return frozenset(
        step
        for step, now, before in zip(steps, passed, [0, *passed][: len(passed)], strict=True)
        if now > before
    )
