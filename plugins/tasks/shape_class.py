"""The task of naming the two kinds of shapes in an image and how many there are of each."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from ...core.contracts import Task
from ...core.contracts.batch import MISSING, Batch
from ...core.contracts.specs import DatasetSpec, Symmetry
from ..forms import Categorical
from .columns import CountsOption, count_column

_KINDS = 6
_SHAPES = 10


class ShapeClass(Task):
    """Predicts one of 135 classes: ten shapes of two kinds, 1 to 9 of the first kind.

    With the kinds numbered as in the counts column, the class of `n` shapes of kind `i` and `10 - n` of kind
    `j > i` is `9 * p + n - 1`, where `p` is the place of `(i, j)` among the 15 pairs in lexicographic order.
    An image whose counts are not those of ten shapes of two kinds has no label.

    Raises `Incompatible` when the data set has no column of six counts, or several and `label` does not say
    which.
    """

    def __init__(
        self,
        dataset: DatasetSpec,
        *,
        label: CountsOption = None,
    ) -> None:
        super().__init__(dataset)
        self.column, counts = count_column(dataset, label, _KINDS)
        self.needs = (self.column,)
        self.target_spec = Categorical(
            tuple(
                f"{first} {count} + {second} {_SHAPES - count}"
                for first, second in combinations(counts.names, 2)
                for count in range(1, _SHAPES)
            )
        )
        counts_symmetry = dataset.symmetries.get(self.column)
        self.symmetry = None if counts_symmetry is None else _symmetry(counts_symmetry)

    def target(self, batch: Batch) -> Tensor:
        """Return the class index, int64 `[B]`, -1 where absent."""
        return class_index(batch.labels[self.column])


def _symmetry(counts: Symmetry) -> Symmetry:
    """Return how the classes move when the counts do."""
    rows = [
        tuple({first: count, second: _SHAPES - count}.get(kind, 0) for kind in range(_KINDS))
        for first, second in combinations(range(_KINDS), 2)
        for count in range(1, _SHAPES)
    ]

    def moved(order: tuple[int, ...]) -> tuple[int, ...]:
        goes_to = [rows.index(tuple(row[old] for old in order)) for row in rows]
        return tuple(goes_to.index(new) for new in range(len(rows)))

    return Symmetry(moved(counts.quarter_turn), moved(counts.mirror))


def class_index(counts: Tensor) -> Tensor:
    """Return the class of each row of counts, float32 `[B, 6]`, as int64 `[B]`; -1 where it has none.

    >>> class_index(torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0, 9.0], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]])).tolist()
    [126, -1]
    """
    kinds = torch.arange(_KINDS, device=counts.device)
    there = counts > 0
    first = torch.where(there, kinds, _KINDS - 1).amin(dim=1)
    second = torch.where(there, kinds, 0).amax(dim=1)
    # Pairs before (first, second): those that start with a smaller kind, then those with a smaller second.
    pair = first * (2 * _KINDS - first - 1) // 2 + second - first - 1
    # An absent count is NaN: the comparisons are then false.
    valid = (there.sum(dim=1) == 2) & (counts.sum(dim=1) == _SHAPES)
    number = counts.gather(1, first.unsqueeze(1)).squeeze(1).nan_to_num(1.0).long()
    return torch.where(valid, pair * (_SHAPES - 1) + number - 1, MISSING)
