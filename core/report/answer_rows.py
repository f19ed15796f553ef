"""What one task answers to the first samples, as rows of cells: pictures where it shows them, else words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..contracts import Bars, Described, Drawing, Form, Map, Marks, Mask, Picture, Tags, Values
from ..contracts.marks import marked
from .first_samples import SHOWN, FirstSamples
from .maps import on_one_scale
from .masks import laid_over
from .numbers import percent, shortened
from .pixels import Bytes, in_few_colours, picture, to_bytes

_MARKED = 160
"""Pixels of the longer side of a picture with marks, which need room."""

_WORDS = 72
"""Letters of a line, and of names of one kind."""

_LINES = 6
"""Lines of a cell."""


@dataclass(frozen=True)
class Cell:
    """What a row has of a sample: a picture, what was given beside it, the answer, whether it is right.

    `note` says what is true, or that nothing is known.
    """

    picture: str = ""
    given: Sequence[str] = ()
    lines: Sequence[str] = ()
    right: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One cell for each of the first samples."""

    title: str
    cells: Sequence[Cell]


def answer_rows(task: str, form: Form, samples: FirstSamples, limit: int) -> list[Row]:
    """Return the rows of a task: its answers, and where they are pictures the true ones below them."""
    samples = samples.only(SHOWN)
    drawing = form.drawing
    if isinstance(drawing, Marks) and samples.seen.size:
        return [_marked(task, form, samples)]
    if isinstance(drawing, Picture | Mask | Map):
        given, true = _pictures(form, samples)
        below = ["" if there else "no label" for there in samples.present.tolist()]
        rows = [_pictured(task, "answer", given, [""] * len(samples), limit)]
        if not (form.is_image and np.array_equal(true, samples.seen)):
            rows.append(_pictured(task, "true", true, below, limit))
        return rows
    return [_worded(task, form, samples, limit)]


def _pictures(form: Form, samples: FirstSamples) -> tuple[Bytes, Bytes]:
    """Return the answers and the true ones as pictures that can be compared by eye."""
    drawing = form.drawing
    if isinstance(drawing, Mask):
        chosen = drawing.chosen(samples.prediction)
        everywhere = np.ones(chosen.shape, dtype=np.bool_)
        return (
            laid_over(drawing, samples.seen, chosen, everywhere),
            laid_over(drawing, samples.seen, samples.target, samples.target >= 0),
        )
    if isinstance(drawing, Map):
        given, true, _ = on_one_scale(samples.prediction[:, 0], samples.target[:, 0])
        return given, true
    sure = form.certain(torch.from_numpy(samples.target)).numpy()
    return to_bytes(samples.prediction), to_bytes(sure)


def _pictured(task: str, title: str, images: Bytes, notes: Sequence[str], limit: int) -> Row:
    cells = [
        Cell(picture(image, alt=f"{task}, {title}, sample {place}", limit=limit), note=note)
        for place, (image, note) in enumerate(zip(images, notes, strict=True), 1)
    ]
    return Row(title, cells)


def _marked(task: str, form: Form, samples: FirstSamples) -> Row:
    """Return pictures with a cross at each point that is given and a ring where it is."""
    sure = form.certain(torch.from_numpy(samples.target)).numpy()
    cells = []
    for place in range(len(samples)):
        there = bool(samples.present[place])
        true = _visible(sure[place]) if there else []
        drawn = marked(
            in_few_colours(samples.seen[place], _MARKED), _visible(samples.prediction[place]), true
        )
        alt = f"{task}, points of sample {place + 1}"
        shown = picture(drawn.transpose(2, 0, 1), alt=alt, limit=2 * _MARKED)
        cells.append(Cell(shown, note="" if there else "no label"))
    return Row("cross: answer, ring: true", cells)


def _visible(points: NDArray[np.float32]) -> list[tuple[float, float] | None]:
    return [(x, y) if visible >= 0.5 else None for x, y, visible in points.tolist()]


def _worded(task: str, form: Form, samples: FirstSamples, limit: int) -> Row:
    """Return answers in words, with the picture that belongs to one where its drawing has one."""
    target = torch.from_numpy(samples.target)
    sure = form.certain(target)
    given = form.drawing.describe(samples.prediction)
    true = form.drawing.describe(sure.numpy())
    # Of many tags one is nearly always wrong, which says nothing.
    whole = not isinstance(form.drawing, Tags)
    judged = form.decisions(sure, torch.from_numpy(samples.prediction)) if whole else None
    cells = []
    for place, there in enumerate(samples.present.tolist()):
        right = bool(judged.same[place].all()) if judged is not None and there else None
        note = "" if right else "no label"
        if there and not right:
            note = f"true: {_true(form, samples.target[place], true[place])}"
        lines = _lines(form.drawing, given[place])
        drawn = _drawn(given[place].pixels, f"{task}, sample {place + 1}", limit)
        lines = lines[:_LINES] + ["…"] * (len(lines) > _LINES)
        cells.append(Cell(drawn, lines=lines, right=right, note=note))
    return Row("", cells)


def _lines(drawing: Drawing, said: Described) -> list[str]:
    """Return an answer line by line."""
    if isinstance(drawing, Values):
        return _numbers(said.value["values"], drawing.unit)
    if isinstance(drawing, Tags):
        return [shortened(", ".join(said.value["tags"]) or "none", _WORDS)]
    if isinstance(drawing, Bars):
        return [shortened(said.value["class"], _WORDS), percent(said.value["probability"])]
    return [shortened(said.text, _WORDS)]


def _true(form: Form, target: Any, said: Described) -> str:
    if form.choices:
        return form.choices[int(target)]
    text = said.text
    if isinstance(form.drawing, Values):
        text = ", ".join(_numbers(said.value["values"], form.drawing.unit))
    elif isinstance(form.drawing, Tags):
        text = ", ".join(said.value["tags"]) or "none"
    return shortened(text, _WORDS)


def _numbers(values: Mapping[str, float], unit: str) -> list[str]:
    several = len(values) > 1
    return [
        f"{f'{name} ' if several else ''}{value:.4g}{f' {unit}' if unit else ''}"
        for name, value in values.items()
    ]


def _drawn(pixels: NDArray[np.uint8] | None, alt: str, limit: int) -> str:
    if pixels is None:
        return ""
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return picture(to_bytes(planes / 255), alt=alt, limit=limit)
