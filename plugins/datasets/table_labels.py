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

from ...core.contracts import Form
from ...core.errors import UsageError, suggest
from ...core.tables import Table
from ..forms import Binary, Categorical, PixelClasses, PixelValues, Regression
from ..forms.pixel_classes import UNLABELLED
from .class_folders import natural
from .table_advice import setting
from .table_kinds import LONGEST, yes_of
from .table_numbers import no_number, number_of, whole_of

MOST_CLASSES = 10_000
"""Classes of a column that is said to hold classes."""

Cells = Sequence[str | None]
"""The cells of a column; None is a hole."""


@dataclass(frozen=True)
class Label:
    """A column to be told: the form of its answer, and int64 `[N]` (-1: absent) or float32 `[N, 1]` (NaN)."""

    name: str
    spec: Form
    values: NDArray[Any]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether each row has a label, `[N]`."""
        there: NDArray[np.bool_] = self.values >= 0 if self.values.ndim == 1 else ~np.isnan(self.values[:, 0])
        return there

    @property
    def described(self) -> str:
        """The column in a few words: `class of 3: blue, green, red; 60 absent`."""
        absent = int((~self.present).sum())
        return _described(self.spec, self.values) + (f"; {absent:,} absent" if absent else "")


@dataclass(frozen=True)
class MapLabel(Label):
    """A class per pixel, uint8 `[N, H, W]` (255: no label), or a value, float32 `[N, 1, H, W]` (NaN)."""

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether any pixel of each row has a label, `[N]`."""
        return np.asarray(self._known.reshape(len(self.values), -1).any(axis=1))

    @property
    def described(self) -> str:
        """The column in a few words, with how many pixels have no label."""
        there = self.present
        said = _mapped(self.spec, self.values)
        absent = f"; {int((~there).sum()):,} absent" if not there.all() else ""
        share = float(1 - self._known[there].mean()) if there.any() else 0.0
        return said + absent + (f"; {100 * share:.1f} % of pixels without a label" if share else "")

    @property
    def _known(self) -> NDArray[np.bool_]:
        known = ~np.isnan(self.values) if self.values.dtype.kind == "f" else self.values != UNLABELLED
        return np.asarray(known)


@dataclass(frozen=True)
class LabelColumn:
    """A column of a table that is to become labels; every way raises `UsageError` for cells that are none."""

    table: Table
    name: str
    cells: Cells

    def read(self, kind: str, stated: Mapping[str, Any]) -> Label:
        """Return its labels as `class`, `yes-no` or `number`; `stated` is what the recipe says of it."""
        if kind == "class":
            return self._classes(stated.get("classes"))
        if kind == "yes-no":
            return self._yes_or_no(stated.get("yes"))
        return self._numbers(str(stated.get("units", "")))

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

    def _numbers(self, units: str) -> Label:
        found = [None if cell is None else number_of(cell) for cell in self.cells]
        strange = [row for row, cell in enumerate(self.cells) if cell is not None and found[row] is None]
        if strange:
            raise self._no_numbers(strange)
        known = {number for number in found if number is not None}
        if len(known) < 2:
            self._refuse_sameness(f"{known.pop():g}" if known else None)
        values = np.array([nan if number is None else number for number in found], dtype=np.float32)
        return Label(self.name, Regression((self.name,), units), values[:, None])

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
        leave = f"leave it out: {setting(self.name, 'ignore')}"
        if len(names) > MOST_CLASSES:
            raise self._error(f"{len(names):,} classes; at most {MOST_CLASSES:,} are told apart", leave)
        for name in names:
            if not name.isprintable() or len(name) > LONGEST:
                problem = f"the class {name!r:.60} is no readable name of {LONGEST} letters at most"
                raise self._error(problem, leave)

    def _refuse_sameness(self, value: str | None) -> None:
        said = "it has no label" if value is None else f"every label is {value:.60}"
        raise self._error(
            f"{said}: there is nothing to tell", f"leave it out: {setting(self.name, 'ignore')}"
        )

    def _error(self, message: str, hint: str) -> UsageError:
        return UsageError(f"{self.table.path}: column {self.name!r}: {message}", hint=hint)


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


def _described(spec: Form, values: NDArray[Any]) -> str:
    if isinstance(spec, Categorical):
        shown = ", ".join(spec.classes[:5]) + (", ..." if len(spec.classes) > 5 else "")
        return f"class of {len(spec.classes)}: {shown}"
    if isinstance(spec, Binary):
        return f"yes or no: {int((values == 1).sum()):,} yes, {int((values == 0).sum()):,} no"
    return f"number from {float(np.nanmin(values)):g} to {float(np.nanmax(values)):g}"


def _mapped(spec: Form, values: NDArray[Any]) -> str:
    if isinstance(spec, PixelClasses):
        shown = ", ".join(spec.classes[:5]) + (", ..." if len(spec.classes) > 5 else "")
        return f"a class per pixel, of {len(spec.classes)}: {shown}"
    assert isinstance(spec, PixelValues)
    units = f" {spec.units}" if spec.units else ""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return f"a value per pixel from {low:g} to {high:g}{units}"
