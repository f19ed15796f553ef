"""Numbers in the cells of a table, and what is said of those that only look like numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WITH_COMMA = re.compile(r"[+-]?[0-9]+(,[0-9]+)+(\.[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_WITH_UNIT = re.compile(r"[$€£]?\s*[+-]?[0-9]+([.,][0-9]+)?\s*[^\d\s.,]{0,10}")

LARGEST = 3.4e38
"""What float32 can hold."""


def number_of(text: str) -> float | None:
    """Return the number a cell holds, None when it holds none that float32 can.

    >>> number_of("3.5"), number_of("1e3"), number_of("3,5"), number_of("inf"), number_of("1e99")
    (3.5, 1000.0, None, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) <= LARGEST else None


def whole_of(text: str) -> int | None:
    """Return the whole number a cell holds, also as `3.0`, as tables with holes are often saved.

    >>> whole_of("3.0"), whole_of("-1"), whole_of("3.5")
    (3, -1, None)
    """
    value = number_of(text)
    return int(value) if value is not None and value.is_integer() and abs(value) < 2**53 else None


def with_point(cells: Iterable[str | None]) -> list[str | None]:
    """Return cells with a decimal comma as numbers with a point; others stay.

    >>> with_point(["3,5", "red, blue", None])
    ['3.5', 'red, blue', None]
    """
    return [
        cell.replace(",", ".") if cell and _WITH_COMMA.fullmatch(cell) and cell.count(",") == 1 else cell
        for cell in cells
    ]


def no_number(counts: Mapping[str, int]) -> tuple[str, str] | None:
    """Say why values that look like numbers are none, and what helps; None when they do not look like any.

    `counts` are how often each value occurs. The first part goes on after a value: "'3,5' has a comma".

    >>> no_number({"3,5": 1, "4": 2})[0], no_number({"12 kg": 1, "9 kg": 1})[0], no_number({"cat": 2})
    ('has a comma', 'has a unit', None)
    >>> no_number({"7,980": 1, "12": 2})[1][:20]
    'write 7980, without;'
    """
    odd = [value for value in counts if number_of(value) is None]
    if all(_THOUSANDS.fullmatch(value) for value in odd):
        return (
            "has a comma",
            """write 7980, without; or say that commas part the decimals: --set 'dataset.decimal=","'""",
        )
    if all(_WITH_COMMA.fullmatch(value) for value in odd):
        return "has a comma", """write 3.5, or say that commas are meant: --set 'dataset.decimal=","'"""
    if all(_WITH_UNIT.fullmatch(value) for value in odd):
        return "has a unit", "write the number alone, and the unit into the column's name"
    rows = sum(counts.values())
    if sum(counts[value] for value in odd) <= 0.2 * rows:
        return "is no number", ""
    return None
