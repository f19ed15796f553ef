"""Which samples of a block a process gathers: those of its rows of each step, and what these depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..base.ranks import Ranks, Rows
from ..composition.losses import Known
from ..contracts import Augmentation


@dataclass(frozen=True)
class OwnRows:
    """What one process makes of a block: so many samples of each step (`sizes`).

    `rows` are its rows of each step, `read` int64 `[R]` the samples of the block that it gathers for them, in
    order, and `among` int64 `[sum of sizes]` where its rows are among those. None: all of them. `counted`
    `[K]` is 1 for each step of which it has rows that count; None: all. They are made before any capture.
    """

    sizes: tuple[int, ...]
    rows: tuple[Rows, ...] | None = None
    read: Tensor | None = None
    among: Tensor | None = None
    counted: Tensor | None = None

    def to(self, device: torch.device) -> OwnRows:
        """Return it with its tensors on a device."""
        read, among, counted = (
            None if part is None else part.to(device) for part in (self.read, self.among, self.counted)
        )
        return OwnRows(self.sizes, self.rows, read, among, counted)

    def gathered(self, whole: Tensor) -> Tensor:
        """Return of what is there for a block's samples, `[N, ...]`, that of those which are gathered."""
        return whole if self.read is None else whole[self.read]

    def own(self, gathered: Tensor) -> Tensor:
        """Return of what is there for the samples gathered, `[R, ...]`, that of the process's rows."""
        return gathered if self.among is None else gathered[self.among]


def own_rows(sizes: Sequence[int], ranks: Ranks, augmentations: Sequence[Augmentation]) -> OwnRows:
    """Return what a process gathers of a block whose steps have these `sizes`.

    >>> found = own_rows([4, 3], Ranks(1, 2), ())
    >>> found.sizes, found.gathered(torch.arange(7)).tolist()
    ((2, 2), [2, 3, 5, 6])
    """
    count = sum(sizes)
    rows = tuple(ranks.rows(size) for size in sizes)
    steps = torch.arange(count).split(list(sizes))
    own = torch.cat([step[part.place] for step, part in zip(steps, rows, strict=True)])
    read, counted = _read(own, count, augmentations), [part.counted for part in rows]
    return OwnRows(
        tuple(part.count for part in rows),
        rows,
        None if len(read) == count else read,
        None if len(read) == len(own) else torch.searchsorted(read, own),
        None if all(counted) else torch.tensor(counted, dtype=torch.float32),
    )


def _read(own: Tensor, count: int, augmentations: Sequence[Augmentation]) -> Tensor:
    """Return what all augmentations must be given: what one of them asks for, the others may ask more for."""
    read = own
    for augmentation in augmentations:
        read = augmentation.reads(read, count)
    return read if len(read) == len(own) else _read(read, count, augmentations)


def counted_together(
    counts: Tensor, answers: Mapping[str, Sequence[Known]], own: OwnRows, ranks: Ranks
) -> tuple[Tensor, dict[str, list[Known]]]:
    """Return how many labels the steps' whole batches have, `[K, T]`, and a rank's targets, counted so.

    `counts` `[K, T]` and `answers`, by task and step, are those of the rank's rows alone.
    """
    rows = own.rows or ()
    whole = ranks.total(counts if own.counted is None else counts * own.counted.unsqueeze(1))
    found = {
        name: [_of_the_whole(*step) for step in zip(known, rows, whole[:, task], strict=True)]
        for task, (name, known) in enumerate(answers.items())
    }
    return whole, found


def _of_the_whole(known: Known, rows: Rows, count: Tensor) -> Known:
    """Return targets of a batch of which `count` are there in all."""
    there = torch.where(count > 0, count, 1.0)

    def counting(one: Known) -> Known:
        if one.share is None:
            share = torch.full((rows.count,), 1.0 / rows.whole, device=count.device)
        elif known.other is None:
            share = (one.share > 0).to(one.share.dtype) / there
        else:
            share = one.share * one.count / there
        other = None if one.other is None else counting(one.other)
        return Known(one.target, share if rows.counted else torch.zeros_like(share), count, other)

    return counting(known)
