"""Tags in the cells of a table: `red;round`, or a JSON list of texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

SEPARATORS = (";", "|", ",")
"""What parts tags, in the order in which it is looked for."""

MOST_TAGS = 1000
_SURE = ";|"
_SHORT = 40
"""Characters of a tag, in a column that is taken for tags by itself."""


def separator_of(cells: Iterable[str | None]) -> str:
    """Return what parts the tags of a column; the first of `SEPARATORS` that is in any cell.

    >>> separator_of(["red, round", "red"]), separator_of(["red"])
    (',', ';')
    """
    known = [cell for cell in cells if cell and not is_list(cell)]
    return next((mark for mark in SEPARATORS if any(mark in cell for cell in known)), SEPARATORS[0])


def is_list(cell: str) -> bool:
    """Return whether a cell is written as a list."""
    return cell.startswith("[") and cell.endswith("]")


def tags_in(cell: str, separator: str) -> tuple[str, ...] | None:
    """Return the tags of a cell, each once; None for a list that is none of texts.

    >>> tags_in("red; round;", ";"), tags_in('["red", "a;b"]', ";"), tags_in(";", ";"), tags_in("[1]", ";")
    (('red', 'round'), ('red', 'a;b'), (), None)
    """
    if not is_list(cell):
        return tuple(dict.fromkeys(tag for part in cell.split(separator) if (tag := part.strip())))
    try:
        found = json.loads(cell)
    except ValueError:
        return None
    if not all(isinstance(tag, str) and tag.strip() for tag in found):
        return None
    return tuple(dict.fromkeys(tag.strip() for tag in found))


def holds_tags(counts: Mapping[str, int]) -> bool:
    """Return whether a column is taken for tags: lists of texts, or short words that come again and again.

    `counts` are how often each cell occurs.

    >>> holds_tags({"red;round": 2, "red": 3, "round": 2}), holds_tags({"it is; well": 1, "no; then": 1})
    (True, False)
    """
    if all(map(is_list, counts)):
        return all(tags_in(cell, ";") is not None for cell in counts)
    separator = separator_of(counts)
    if separator not in _SURE or not any(separator in cell for cell in counts):
        return False
    tags: Counter[str] = Counter()
    for cell, number in counts.items():
        for tag in tags_in(cell, separator) or ():
            tags[tag] += number
    return bool(tags) and max(map(len, tags)) <= _SHORT and 3 * len(tags) <= tags.total()
