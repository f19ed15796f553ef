"""Which rows of a table are for training, for validation and for testing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)

_WORDS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "holdout"), TEST),
}
_FEW = 50
"""Classes of a column whose shares are kept alike in all parts."""


def part_of(word: str) -> int | None:
    """Return the part that a word in a column of parts means, None when it means none.

    >>> part_of("Train"), part_of("val"), part_of("red")
    (0, 1, None)
    """
    return _WORDS.get(word.casefold())


def same_units(rows: int, keys: Sequence[Sequence[object | None]]) -> NDArray[np.int64]:
    """Return for each row the number of its unit `[rows]`: rows with a key in common are one unit.

    `keys` are columns of group, path or content; None ties a row to no other.

    >>> same_units(4, [["a", "a", None, "b"], [None, 1, 2, 2]]).tolist()
    [0, 0, 1, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones: list[int] = []
    others: list[int] = []
    nodes: dict[tuple[int, object], int] = {}
    for number, column in enumerate(keys):
        for row, key in enumerate(column):
            if key is not None:
                ones.append(row)
                others.append(nodes.setdefault((number, key), rows + len(nodes)))
    size = rows + len(nodes)
    graph = coo_array((np.ones(len(ones), dtype=np.int8), (ones, others)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][:rows]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def carve(
    parts: NDArray[np.int8],
    part: int,
    share: float,
    units: NDArray[np.int64],
    labels: Sequence[NDArray[Any]],
    seed: int,
) -> NDArray[np.int8]:
    """Return `parts` `[N]` with about `share` of all rows moved from training into another part.

    Rows of one unit stay together. `labels` are the columns to be told (class indices `[N]`, -1 for absent,
    or values `[N, 1]`, NaN for absent): classes, where a column has few, and holes have the same shares in
    both parts, and the first row of a class stays in training. The same seed gives the same parts.
    """
    rows = np.flatnonzero(parts == TRAIN)
    classes = [_classes(column)[rows] for column in labels]
    # Sorted by the last key first: where labels are rare, each counts most.
    classes.sort(key=lambda column: int((column >= 0).sum()), reverse=True)
    strata = [column if column.max(initial=0) < _FEW else column.clip(max=0) for column in classes]
    shuffled = np.random.default_rng([seed, part]).permutation(len(rows))
    order = shuffled[np.lexsort([column[shuffled] for column in strata])] if strata else shuffled
    members: dict[int, list[int]] = {}
    for index in order.tolist():
        members.setdefault(int(units[rows[index]]), []).append(index)
    moved, seen = parts.copy(), set[tuple[int, int]]()
    wanted, reached, passed = share * len(parts) / max(1, len(rows)), 0, 0
    for unit in members.values():
        passed += len(unit)
        known = {(number, int(column[i])) for number, column in enumerate(classes) for i in unit}
        # Half a unit more or less is nearest to the share.
        if known <= seen and wanted * passed - reached >= len(unit) / 2:
            moved[rows[unit]] = part
            reached += len(unit)
        seen |= known
    return moved


def each_told(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the columns to be told: each tag for itself, so that rare ones stay in training."""
    return list(values.T) if values.dtype == np.int8 else [values]


def _classes(column: NDArray[Any]) -> NDArray[np.int64]:
    """Return the class of each row, -1 for none; values are all of class 0."""
    if column.dtype.kind == "f":
        return np.where(np.isnan(column).reshape(len(column), -1).all(axis=1), -1, 0)
    return column.astype(np.int64)
