"""Numbers and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOT_FINITE = "not finite"
ABSENT = "\N{EN DASH}"
"""Stands where there is no value."""


def number(value: float | None) -> str:
    """Return a number with about four digits; None stands for one that JSON cannot write.

    >>> [number(value) for value in (0.98765432, 29.87654, 0.0000012, 1234567, None)]
    ['0.9877', '29.877', '1.20e-06', '1,234,567', 'not finite']
    """
    if value is None or not math.isfinite(value):
        return NOT_FINITE
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size != 0 and (size < 1e-3 or size >= 1e6):
        return f"{value:.2e}"
    return f"{value:,.{4 if size < 10 else 3 if size < 100 else 2}f}"


def short(count: int) -> str:
    """Return a large number in three digits.

    >>> [short(count) for count in (0, 850, 1848, 42_467_328, 1_400_000_000)]
    ['0', '850', '1.85 k', '42.5 M', '1.4 G']
    """
    for size, letter in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)


def percent(share: float) -> str:
    """Return a share in percent.

    >>> percent(0.98765)
    '98.8 %'
    """
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Return a time in seconds or minutes.

    >>> duration(3.21), duration(192)
    ('3.2 s', '3 min 12 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def shortened(name: str, length: int = 14) -> str:
    """Return a name of at most `length` characters.

    >>> shortened("a rather long name", 9)
    'a rather…'
    """
    return name if len(name) <= length else f"{name[: length - 1].rstrip()}…"
