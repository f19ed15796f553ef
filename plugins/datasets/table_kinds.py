"""What the columns of a table are, as far as their names and values tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...core.data.tables import names_arrays, names_pictures
from .table_numbers import no_number, number_of, whole_of
from .table_parts import part_of
from .table_tags import holds_tags

Kind = Literal[
    "path",
    "class",
    "ordinal",
    "yes-no",
    "tags",
    "number",
    "points",
    "mask",
    "map",
    "group",
    "split",
    "ignore",
]

SPLIT_NAMES = ("split", "subset", "partition")
GROUP_NAMES = ("group", "patient", "subject", "person", "session")
YES, NO = ("yes", "true", "y", "t"), ("no", "false", "n", "f")

MOST_CLASSES = 1000
"""Different values of a column that is taken for classes by itself."""
MOST_WHOLE = 20
"""Different whole numbers of a column that is taken for classes by itself."""
LONGEST = 100
"""Characters of a class's name."""


@dataclass(frozen=True)
class Guess:
    """What a column is taken for, and why it is ignored, where it is."""

    kind: Kind
    reason: str = ""


def guess(name: str, cells: Sequence[str | None]) -> Guess:
    """Return what a column is taken for; None in `cells` is a hole.

    A column that is nearly of numbers is taken for one: reading it says which cells are none.

    >>> guess("colour", ["red", "blue", "red", None, "blue"]).kind
    'class'
    >>> guess("weight", ["3.5", "4", "1.25"]).kind
    'number'
    """
    counts = Counter(cell for cell in cells if cell is not None)
    if not counts:
        return Guess("ignore", "it is empty")
    if _says_parts(name, counts):
        return Guess("split")
    if names_pictures(counts.elements()) or names_arrays(counts):
        return Guess("path")
    if _stem(name) in GROUP_NAMES:
        return Guess("group")
    if len(counts) == 1:
        return Guess("ignore", f"every value is {next(iter(counts))!r:.50}: there is nothing to tell")
    if all(number_of(value) is not None for value in counts):
        return _of_numbers(name, cells, counts)
    return _of_text(counts)


def is_yes_or_no(values: Sequence[str]) -> bool:
    """Return whether these are words, or 0 and 1, for yes and no, both of them.

    >>> is_yes_or_no(["True", "false"]), is_yes_or_no(["1.0", "0.0"]), is_yes_or_no(["yes", "maybe"])
    (True, True, False)
    """
    found = {yes_of(value) for value in values}
    return found == {True, False}


def yes_of(value: str) -> bool | None:
    """Return whether a cell says yes, None when it says neither yes nor no."""
    word = value.casefold()
    if word in YES or whole_of(value) == 1:
        return True
    return False if word in NO or whole_of(value) == 0 else None


def _stem(name: str) -> str:
    """Return a column's name without what marks it as an identifier: `Patient ID` is `patient`."""
    return re.sub(r"[\s_-]*(ids?|no|number)?$", "", name.strip().casefold())


def _says_parts(name: str, counts: Counter[str]) -> bool:
    parts = {part_of(value) for value in counts}
    return name.casefold() in SPLIT_NAMES or (None not in parts and len(parts) > 1)


def _of_numbers(name: str, cells: Sequence[str | None], counts: Counter[str]) -> Guess:
    wholes = {whole_of(value) for value in counts}
    if None in wholes:
        return Guess("number")
    numbers = sorted(number for number in wholes if number is not None)
    if numbers == [-1, 1]:
        return Guess("yes-no")
    if len(numbers) == len(cells) and (numbers[-1] - numbers[0] == len(cells) - 1 or _is_identifier(name)):
        return Guess("ignore", "it numbers the rows")
    classes = [number for number in numbers if number != -1]
    if is_yes_or_no([str(number) for number in classes]):
        return Guess("yes-no")
    if len(classes) == 1:
        return Guess("ignore", f"every value is {classes[0]}: there is nothing to tell")
    low, high, different = classes[0], classes[-1], len(classes)
    dense = low >= 0 and high - low < 2 * different
    return Guess(
        "class" if dense and different <= MOST_WHOLE and 5 * different <= counts.total() else "number"
    )


def _is_identifier(name: str) -> bool:
    return re.fullmatch(r"(.*[\s_-])?(id|index|idx|no)", name.strip().casefold()) is not None


def _of_text(counts: Counter[str]) -> Guess:
    if is_yes_or_no(list(counts)):
        return Guess("yes-no")
    if holds_tags(counts):
        return Guess("tags")
    different, rows = len(counts), counts.total()
    few = different <= min(MOST_CLASSES, rows / 2)
    problem = no_number(counts)
    if problem is not None and not (problem[0] == "has a unit" and few and different <= MOST_WHOLE):
        return Guess("number")
    if max(map(len, counts)) > LONGEST:
        return Guess("ignore", "it holds long texts")
    if not few:
        return Guess("ignore", f"{different:,} different values in {rows:,} rows are no classes")
    return Guess("class")
