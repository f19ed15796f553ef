"""The tables of `docs/matrix.md`: cells written as text, and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

FITS = "fits"
"""What the document says of a cell that was negotiated and not walked."""

BESIDE = "beside another task only; alone: "


@dataclass(frozen=True)
class Column:
    """One encoder under one sharing, on one data set; a cell is this with a task."""

    dataset: str
    encoder: str
    sharing: str

    def __str__(self) -> str:
        return f"{self.dataset}-{self.encoder}-{self.sharing}"


@dataclass(frozen=True)
class Cell:
    """Whether they fit, the worst difference between file and model where that was walked, and a reason.

    Where they fit, the reason is why the task needs another one beside it, if it does.
    """

    fits: bool
    difference: float | None = None
    reason: str = ""

    @property
    def outcome(self) -> tuple[bool, str]:
        """What is the same on every machine."""
        return self.fits, self.reason

    def __str__(self) -> str:
        if self.difference is not None:
            return f"{self.difference:.1e}"
        return FITS if self.fits else "no"


@dataclass(frozen=True)
class Axes:
    """What the table of a data set has rows and columns for, and why it lacks the other tasks."""

    dataset: str
    tasks: Sequence[str]
    encoders: Sequence[str]
    sharings: Sequence[str]
    elsewhere: Sequence[str]


def table(axes: Axes, cells: Mapping[Column, Mapping[str, Cell]]) -> Iterator[str]:
    """Yield the lines of a data set's table and the notes under it."""
    notes: list[str] = []
    yield f"| task | encoder | {' | '.join(axes.sharings)} |"
    yield f"|---|---|{'---|' * len(axes.sharings)}"
    for task, encoder in product(axes.tasks, axes.encoders):
        row = []
        for sharing in axes.sharings:
            cell = cells[Column(axes.dataset, encoder, sharing)][task]
            text = str(cell) if cell.fits else cell.reason
            if cell.fits and cell.reason:
                if cell.reason not in notes:
                    notes.append(cell.reason)
                text += f" ({notes.index(cell.reason) + 1})"
            row.append(text)
        yield f"| {task} | {encoder} | {' | '.join(row)} |"
    if notes:
        yield ""
        yield from (f"{number}. {BESIDE}{note}" for number, note in enumerate(notes, 1))
    if axes.elsewhere:
        yield ""
        yield "Not on this data set:"
        yield ""
        yield from (f"- {reason}" for reason in axes.elsewhere)


def parse(document: str) -> dict[Column, dict[str, Cell]]:
    """Read the cells of all tables back."""
    found: dict[Column, dict[str, Cell]] = {}
    for section in document.split("\n## ")[1:]:
        dataset = section.partition("\n")[0]
        notes = dict(re.findall(rf"^(\d+)\. {BESIDE}(.*)$", section, re.MULTILINE))
        header, _, *rows = [
            [text.strip() for text in line.strip("|").split("|")]
            for line in section.splitlines()
            if line.startswith("|")
        ]
        for task, encoder, *texts in rows:
            for sharing, text in zip(header[2:], texts, strict=True):
                found.setdefault(Column(dataset, encoder, sharing), {})[task] = _cell(text, notes)
    return found


def _cell(text: str, notes: Mapping[str, str]) -> Cell:
    found = re.fullmatch(rf"({FITS}|\d\.\de[+-]\d\d)(?: \((\d+)\))?", text)
    if found is None:
        return Cell(False, None, text)
    difference = None if found[1] == FITS else float(found[1])
    return Cell(True, difference, notes[found[2]] if found[2] else "")
