"""From the cells of a column to the labels of a task."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError, suggest
from ...core.contracts import Form
from ...core.data.tables import Table
from ..forms import Binary, Categorical, Multilabel, Ordinal, Regression
from .class_folders import natural
from .table_advice import setting, stated_at
from .table_kinds import LONGEST, yes_of
from .table_numbers import no_number, number_of, whole_of
from .table_tags import MOST_TAGS, separator_of, tags_in

LABELS = ("class", "yes-no", "number", "tags", "ordinal")
"""The types of columns that are to be told."""

MOST_CLASSES = 10_000
"""Classes of a column that is said to hold classes."""

Cells = Sequence[str | None]
"""The cells of a column; None is a hole."""


@dataclass(frozen=True)
class Label:
    """A column to be told: the form of its answer, and its values.

    int64 `[N]` (-1: absent), int8 `[N, K]` (-1: not known) or float32 `[N, 1]` (NaN).
    """

    name: str
    spec: Form
    values: NDArray[Any]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether each row has a label, `[N]`."""
        real = self.values.dtype.kind == "f"
        there = ~np.isnan(self.values) if real else self.values >= 0
        return np.asarray(there.reshape(len(there), -1).any(axis=1))

    @property
    def described(self) -> str:
        """The column in a few words: `class of 3: blue, green, red; 60 absent`."""
        absent = int((~self.present).sum())
        return _described(self.spec, self.values) + (f"; {absent:,} absent" if absent else "")


@dataclass(frozen=True)
class LabelColumn:
    """A column of a table that is to become labels; every way raises `UsageError` for cells that are none."""

    table: Table
    name: str
    cells: Cells

    def read(self, kind: str, stated: Mapping[str, Any]) -> Label:
        """Return its labels as one of `LABELS`; `stated` is what the recipe says of it."""
        if kind == "class":
            return self._classes(stated.get("classes"))
        if kind == "ordinal":
            return self._ordinal(stated.get("classes"))
        if kind == "tags":
            return self._tags(stated.get("tags"), stated.get("separator"))
        if kind == "yes-no":
            return self._yes_or_no(stated.get("yes"))
        return self._numbers(str(stated.get("units", "")), stated.get("range", (None, None)))

    def _ordinal(self, stated: Sequence[str] | None) -> Label:
        """Return classes in the stated order, or that of whole numbers."""
        if stated is None:
            word = next((cell for cell in self.cells if cell is not None and whole_of(cell) is None), None)
            if word is not None:
                names = list(dict.fromkeys(cell for cell in self.cells if cell is not None))[:5]
                listed = f"{{type: ordinal, classes: [{', '.join(names)}]}}"
                raise self._error(
                    f"{word!r:.60} has no order by itself",
                    f"name the classes, lowest first: {setting(self.name, listed)}",
                )
        label = self._classes(stated)
        assert isinstance(label.spec, Categorical)
        return Label(self.name, Ordinal(label.spec.classes), label.values)

    def _tags(self, stated: Sequence[str] | None, separator: str | None) -> Label:
        separator = separator or separator_of(self.cells)
        found = {cell: tags_in(cell, separator) for cell in set(self.cells) if cell is not None}
        lists = {cell for cell, tags in found.items() if tags is not None}
        self._refuse_strange(self.cells, lists, "is no list of texts", lambda _: 'write ["red", "round"]')
        names = list(stated or {tag for tags in found.values() for tag in tags or ()})
        if not names:
            self._refuse_sameness(None)
        self._refuse_unreadable(names, "tag", MOST_TAGS)
        if not stated:
            names.sort(key=natural)
        index = {name: number for number, name in enumerate(names)}
        for row, cell in enumerate(self.cells):
            for tag in () if cell is None else found[cell] or ():
                if tag not in index:
                    raise self._error(
                        f"{tag!r:.60} is none of its tags ({self.table.listed([row])})",
                        suggest(tag, names, "tags"),
                    )
        values = np.full((len(self.cells), len(names)), -1, dtype=np.int8)
        for row, cell in enumerate(self.cells):
            if cell is not None:
                values[row] = 0
                values[row, [index[tag] for tag in found[cell] or ()]] = 1
        return Label(self.name, Multilabel(tuple(names)), values)

    def _classes(self, stated: Sequence[str] | None) -> Label:
        cells: Cells = [None if cell is None else unicodedata.normalize("NFC", cell) for cell in self.cells]
        if stated is None:
            cells = _counted(cells)
        names = [unicodedata.normalize("NFC", name) for name in stated or ()]
        names = names or list({cell for cell in cells if cell is not None})
        self._refuse_names(names)
        if not stated:
            names.sort(key=natural)
        index = {name: number for number, name in enumerate(names)}
        self._refuse_strange(
            cells, index.keys(), "is none of its classes", lambda cell: suggest(cell, names, "classes")
        )
        values = np.array([-1 if cell is None else index[cell] for cell in cells], dtype=np.int64)
        return Label(self.name, Categorical(tuple(names)), values)

    def _yes_or_no(self, yes: Sequence[str] | None) -> Label:
        known = {cell for cell in self.cells if cell is not None}
        answers = {cell: int(cell in yes) for cell in known} if yes else _answers(known)
        hint = setting(self.name, "[...]", "yes") + " says which values mean yes"
        self._refuse_strange(self.cells, answers.keys(), "says neither yes nor no", lambda _: hint)
        values = [-1 if cell is None else answers[cell] for cell in self.cells]
        if len(found := set(values) - {-1}) < 2:
            self._refuse_sameness(("no", "yes")[found.pop()] if found else None)
        spec = Binary(self.name, f"not {self.name}")
        return Label(self.name, spec, np.array(values, dtype=np.int64))

    def _numbers(self, units: str, ends: Sequence[float | None]) -> Label:
        found = [None if cell is None else number_of(cell) for cell in self.cells]
        strange = [row for row, cell in enumerate(self.cells) if cell is not None and found[row] is None]
        if strange:
            raise self._no_numbers(strange)
        known = {number for number in found if number is not None}
        if len(known) < 2:
            self._refuse_sameness(f"{known.pop():g}" if known else None)
        spec = self._quantity(units, ends)
        values = np.array([nan if number is None else number for number in found], dtype=np.float32)
        beyond = np.flatnonzero(~np.isnan(values) & (spec.predict_array(values) != values)).tolist()
        if beyond:
            raise self._error(
                f"{self.cells[beyond[0]]!r:.60} is not {spec.range_in_words} ({self.table.listed(beyond)})",
                f"mend it, or its range: {setting(self.name, '[..., ...]', 'range')}",
            )
        return Label(self.name, spec, values[:, None])

    def _quantity(self, units: str, ends: Sequence[float | None]) -> Regression:
        try:
            return Regression((self.name,), units, *ends)
        except ValueError as error:
            raise self._error(
                str(error), f"name the range: {setting(self.name, '[0, 1]', 'range')}"
            ) from None

    def _no_numbers(self, rows: Sequence[int]) -> UsageError:
        counts = Counter(self.cells[row] or "" for row in rows)
        value = self.cells[rows[0]]
        problem, remedy = no_number(counts) or ("is no number", "")
        if not remedy:
            hole = setting(self.name, f"{{type: number, absent: [{value}]}}")
            remedy = f"a hole: {hole}; or classes: {setting(self.name, 'class')}"
        more = f", and {len(counts) - 1:,} more values like it" if len(counts) > 1 else ""
        return self._error(f"{value!r:.60} {problem} ({self.table.listed(rows)}){more}", remedy)

    def _refuse_strange(self, cells: Cells, known: Any, problem: str, hint: Any) -> None:
        rows = [row for row, cell in enumerate(cells) if cell is not None and cell not in known]
        if rows:
            value = cells[rows[0]] or ""
            raise self._error(f"{value!r:.60} {problem} ({self.table.listed(rows)})", hint(value))

    def _refuse_names(self, names: Sequence[str]) -> None:
        if len(names) < 2:
            self._refuse_sameness(repr(names[0]) if names else None)
        self._refuse_unreadable(names, "class", MOST_CLASSES)

    def _refuse_unreadable(self, names: Sequence[str], what: str, most: int) -> None:
        leave = f"leave it out: {setting(self.name, 'ignore')}"
        if len(names) > most:
            several = "classes" if what == "class" else f"{what}s"
            raise self._error(f"{len(names):,} {several}; at most {most:,} are told apart", leave)
        for name in names:
            if not name.isprintable() or len(name) > LONGEST:
                problem = f"the {what} {name!r:.60} is no readable name of {LONGEST} letters at most"
                raise self._error(problem, leave)

    def _refuse_sameness(self, value: str | None) -> None:
        said = "it has no label" if value is None else f"every label is {value:.60}"
        raise self._error(
            f"{said}: there is nothing to tell", f"leave it out: {setting(self.name, 'ignore')}"
        )

    def _error(self, message: str, hint: str) -> UsageError:
        said = f"{self.table.path}: column {self.name!r}: {message}"
        return UsageError(said, hint=hint, at=stated_at(self.name))


def _counted(cells: Cells) -> Cells:
    """Return classes that are whole numbers as these: tables with holes are often saved with 3.0 for 3.

    Among numbers from 0 on, -1 is a hole.
    """
    wholes = {cell: whole_of(cell) for cell in set(cells) if cell is not None}
    if None in wholes.values():
        return cells
    counted = (
        min((number for number in wholes.values() if number is not None and number != -1), default=0) >= 0
    )
    text = {cell: None if counted and number == -1 else str(number) for cell, number in wholes.items()}
    return [None if cell is None else text[cell] for cell in cells]


def _answers(cells: Set[str]) -> dict[str, int]:
    """Return what each cell says that says anything: 1, 0, or -1 for a hole.

    -1 is no, as in CelebA; beside 0 it is a hole.
    """
    said = {cell: yes_of(cell) for cell in cells}
    minus = -1 if any(whole_of(cell) == 0 for cell in cells) else 0
    found = {cell: int(answer) for cell, answer in said.items() if answer is not None}
    return found | {cell: minus for cell in cells if whole_of(cell) == -1}


def grouped(name: str, parts: Sequence[Label]) -> tuple[Label, list[str | None]]:
    """Return several columns of yes or no as one of tags, and what its cells would be."""
    values = np.stack([part.values for part in parts], axis=1).astype(np.int8)
    names = tuple(part.name for part in parts)
    cells: list[str | None] = [
        ";".join(tag for tag, held in zip(names, row, strict=True) if held == 1) for row in values
    ]
    return Label(name, Multilabel(names), values), cells


def _described(spec: Form, values: NDArray[Any]) -> str:
    if isinstance(spec, Multilabel):
        counts = (values == 1).sum(axis=0).tolist()
        held = [f"{name} {count:,}" for name, count in zip(spec.names[:5], counts, strict=False)]
        return f"tags, {len(spec.names)}: {', '.join(held)}{', ...' if len(spec.names) > 5 else ''}"
    if isinstance(spec, Ordinal):
        rising = [*spec.classes[:5], *(["..."] if len(spec.classes) > 5 else [])]
        return f"classes in order, {len(spec.classes)}: {' < '.join(rising)}"
    if isinstance(spec, Categorical):
        shown = ", ".join(spec.classes[:5]) + (", ..." if len(spec.classes) > 5 else "")
        return f"class of {len(spec.classes)}: {shown}"
    if isinstance(spec, Binary):
        return f"yes or no: {int((values == 1).sum()):,} yes, {int((values == 0).sum()):,} no"
    return f"number from {float(np.nanmin(values)):g} to {float(np.nanmax(values)):g}"
