"""How often the samples of a class are drawn in an epoch, where the recipe does not take each one once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from ..composition.composition import Composition
from ..composition.views import target_of
from ..contracts.randomness import generator
from ..data.samples import Samples
from ..evaluation.evaluation import views_of
from ..recipe.recipe import Sampling

_POWERS = {"equal": 0.0, "square-root": 0.5, "proportional": 1.0}


@dataclass(frozen=True)
class Draws:
    """An epoch's draws: of each group of samples (int64 indices, ascending), how many.

    The samples of a group are drawn equally often, up to one. Together there are as many draws as samples.

    >>> draws = Draws((torch.tensor([0, 1, 2]), torch.tensor([3])), (2, 2))
    >>> order = draws.order(seed=0, epoch=1)
    >>> len(order), int((order == 3).sum()), bool(draws.order(0, 1).equal(order))
    (4, 2, True)
    """

    groups: tuple[Tensor, ...]
    counts: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many samples an epoch has."""
        return sum(self.counts)

    def order(self, seed: int, epoch: int) -> Tensor:
        """Return the samples of an epoch in the order they are trained on, int64 `[N]` on the CPU."""
        random = generator("cpu", seed, "order", epoch)
        if len(self.groups) == 1:
            return self.groups[0][torch.randperm(len(self.groups[0]), generator=random)]
        drawn = []
        for members, count in zip(self.groups, self.counts, strict=True):
            whole, rest = divmod(count, len(members))
            some = torch.randperm(len(members), generator=random)[:rest]
            drawn += [members] * whole + [members[some]]
        found = torch.cat(drawn)
        return found[torch.randperm(len(found), generator=random)]


TOGETHER = 4
"""Shards that are mixed with one another."""


@dataclass(frozen=True)
class ShardDraws:
    """An epoch's draws where pictures come from a file that memory does not hold: a few shards at a time.

    `shards` int64 `[N]` says which one a sample is from. The order is a function of seed, epoch and shards,
    the same for any number of processes; each sample is drawn once.

    >>> order = ShardDraws(torch.arange(12) // 2).order(seed=0, epoch=1)
    >>> sorted(order.tolist()) == list(range(12)), len((order[:8] // 2).unique())
    (True, 4)
    """

    shards: Tensor

    @property
    def count(self) -> int:
        """How many samples an epoch has."""
        return len(self.shards)

    def order(self, seed: int, epoch: int) -> Tensor:
        """Return the samples of an epoch in the order they are trained on, int64 `[N]` on the CPU."""
        return torch.cat(self._groups(seed, epoch))

    def ends(self, seed: int, epoch: int) -> list[int]:
        """Return how many samples of an epoch are drawn when each group of shards is through.

        >>> ShardDraws(torch.arange(12) // 2).ends(seed=0, epoch=1)
        [8, 12]
        """
        return list(accumulate(len(group) for group in self._groups(seed, epoch)))

    def _groups(self, seed: int, epoch: int) -> list[Tensor]:
        numbers, counts = self.shards.unique(return_counts=True)
        members = torch.argsort(self.shards, stable=True).split(counts.tolist())
        turn = torch.randperm(len(numbers), generator=generator("cpu", seed, "shards", epoch))
        drawn = []
        for places in turn.split(TOGETHER):
            some = torch.cat([members[place] for place in places.tolist()])
            random = generator("cpu", seed, "order", epoch, *numbers[places].tolist())
            drawn.append(some[torch.randperm(len(some), generator=random)])
        return drawn


def draws_of(composition: Composition, train: Samples) -> Draws | ShardDraws:
    """Return how the samples of the training split are drawn; each once where the recipe does not say."""
    wanted = composition.recipe.train.sampling
    if wanted is None and train.shards is not None and train.pages is not None:
        return ShardDraws(train.shards)
    if wanted is None:
        return Draws((torch.arange(len(train)),), (len(train),))
    tasks = {name: composed.task for name, composed in composition.tasks.items()}
    classes = _classes(composition, train, wanted.by)
    task = tasks.get(wanted.by)
    form = composition.dataset_spec.labels[wanted.by] if task is None else task.target_spec
    found = [index for index in classes.unique().tolist() if index >= 0]
    members = [torch.nonzero(classes == index).flatten() for index in found]
    absent = torch.nonzero(classes < 0).flatten()
    names = [form.choices[index] for index in found]
    counts = _counts([len(group) for group in members], names, wanted, len(train) - len(absent))
    groups = [(group, count) for group, count in zip(members, counts, strict=True) if count]
    if len(absent):
        groups.append((absent, len(absent)))
    return Draws(tuple(group for group, _ in groups), tuple(count for _, count in groups))


def _classes(composition: Composition, train: Samples, by: str) -> Tensor:
    """Return the class of each sample, int64 `[N]` on the CPU, -1 where it has none."""
    if by not in composition.tasks:
        return train.labels[by].cpu()
    task = composition.tasks[by].task
    with torch.no_grad():
        parts = [
            target_of(task, seen).cpu()
            for tasks, seen in views_of(composition, train, "train")
            if by in tasks
        ]
    return torch.cat(parts)


def _counts(sizes: Sequence[int], names: Sequence[str], wanted: Sampling, total: int) -> list[int]:
    """Return how many of `total` draws each class gets: whole numbers nearest to its share.

    >>> _counts([90, 10], ["a", "b"], Sampling(by="x"), 100)
    [50, 50]
    >>> _counts([64, 4], ["a", "b"], Sampling(by="x", shares="square-root"), 68)
    [54, 14]
    >>> _counts([90, 10], ["a", "b"], Sampling(by="x", shares={"b": 3}), 100)
    [25, 75]
    """
    if isinstance(wanted.shares, Mapping):
        weights = [wanted.shares.get(name, 1.0) for name in names]
    else:
        weights = [size ** _POWERS[wanted.shares] for size in sizes]
    exact = [total * weight / sum(weights) for weight in weights]
    counts = [int(share) for share in exact]
    largest = sorted(range(len(exact)), key=lambda index: (counts[index] - exact[index], index))
    for index in largest[: total - sum(counts)]:
        counts[index] += 1
    return counts
