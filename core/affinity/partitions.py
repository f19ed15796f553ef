"""Every way to part tasks into groups: the Bell numbers, 4,140 of eight tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

Group = tuple[str, ...]
"""Tasks that one model answers, in the order of all tasks."""
Parts = tuple[Group, ...]
"""Groups that hold every task once, in the order of their first tasks."""


def groups_of(tasks: Sequence[str]) -> list[Group]:
    """Return every group of some of the tasks, small ones first.

    >>> groups_of(["a", "b"])
    [('a',), ('b',), ('a', 'b')]
    """
    return [group for size in range(1, len(tasks) + 1) for group in combinations(tasks, size)]


def partitions(tasks: Sequence[str]) -> Iterator[Parts]:
    """Yield every way to part the tasks into groups.

    >>> list(partitions(["a", "b"]))
    [(('a',), ('b',)), (('a', 'b'),)]
    """
    if not tasks:
        yield ()
        return
    first, *rest = tasks
    for size in range(len(rest) + 1):
        for others in combinations(rest, size):
            left = [task for task in rest if task not in others]
            for parts in partitions(left):
                yield ((first, *others), *parts)


def shown(parts: Sequence[Group]) -> str:
    """Return a grouping as text.

    >>> shown([("a", "c"), ("b",)])
    'a + c | b'
    """
    return " | ".join(" + ".join(group) for group in parts)
