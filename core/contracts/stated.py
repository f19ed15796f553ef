"""Values that a file states, read with distrust: what is of another type is a `ValueError` of one line."""

from __future__ import annotations

import sys
from typing import Any, Literal, get_args, get_origin

MOST_NAMES = 2**26
"""Names in a list, at most."""

_LARGEST = 2**63 - 1


def read_value(value: Any, kind: Any, what: str, may_be_empty: bool = False) -> Any:
    """Return a value of a type: text, whole (from 1) or real number, `bool`, `tuple[str, ...]`, a `Literal`.

    >>> read_value(["a", "b"], tuple[str, ...], "the classes")
    ('a', 'b')
    """
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{what} is {value!r:.40}, none of {', '.join(map(repr, get_args(kind)))}")
        return value
    if kind is str:
        return read_text(value, what, empty=may_be_empty)
    if kind is int:
        return read_whole(value, what, 1)
    if kind is bool:
        return read_flag(value)
    if kind in (float, float | None):
        # A comparison: a whole number of many digits is no float that could be asked.
        if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
            raise ValueError(f"{what} is {value!r:.40}, no finite number")
        return float(value)
    if kind == tuple[str, ...]:
        return read_texts(value, what)
    raise ValueError(f"{what} is of the type {kind}, which no file can state")


def read_text(value: Any, what: str, *, empty: bool = False) -> str:
    """Return a text, which may be empty or not."""
    if not isinstance(value, str) or not (value or empty):
        raise ValueError(f"{what} is {value!r:.40}, no text")
    return value


def read_texts(value: Any, what: str) -> tuple[str, ...]:
    """Return the texts of a list that has some; each may be empty."""
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_NAMES:
        raise ValueError(f"{what} are {value!r:.40}, no list of names")
    return tuple(read_text(item, what, empty=True) for item in value)


def read_whole(value: Any, what: str, least: int) -> int:
    """Return a whole number of at least `least`."""
    if type(value) is not int or not least <= value < _LARGEST:
        raise ValueError(f"{what} is {value!r:.40}, no whole number from {least}")
    return value


def read_flag(value: Any) -> bool:
    """Return a yes or no."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value
