"""The first test samples with what the model answers to them, every task below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..contracts import Mask
from .answer_rows import Cell, Row, answer_rows
from .charts import SERIES
from .first_samples import SHOWN, FirstSamples
from .markup import Html
from .masks import legend
from .numbers import listed
from .pixels import picture
from .subject import Subject
from .templating import rendered

_MOST = 16
"""Tasks in the table: more would push all else out of sight."""


@dataclass(frozen=True)
class _Group:
    """Rows that belong together; `colour` is that of their task."""

    task: str
    colour: int | None
    rows: Sequence[Row]


def first_answers(subject: Subject) -> Html:
    """Return a table: a column per sample; what the model sees of it, and a group of rows per task.

    Tasks that see the same stand below one picture; where each has noise of its own, each has its picture.
    """
    composition = subject.composition
    limit = subject.picture_side
    colours = {task: place % SERIES for place, task in enumerate(composition.tasks)}
    shown = dict(list(subject.first.items())[:_MOST])
    groups = []
    for tasks in _by_view(shown):
        samples = shown[tasks[0]].only(SHOWN)
        title = "what the model sees" if len(tasks) == len(shown) else f"what is seen for {listed(tasks)}"
        seen = _seen(samples, _columns(subject), title, limit)
        groups.append(_Group("", None, [seen]))
        for task in tasks:
            rows = answer_rows(task, composition.tasks[task].target, shown[task], limit)
            own = {item.name for item in composition.tasks[task].task.inputs}
            groups.append(_Group(task, colours[task], _with_inputs(rows, shown[task], own)))
    count = min(SHOWN, *(len(samples) for samples in shown.values()))
    rest = len(subject.first) - len(shown)
    note = "The first samples of the test split, not chosen ones, as they were seen in the evaluation."
    drawings = {task: composition.tasks[task].target.drawing for task in shown}
    return rendered(
        "first_answers.html",
        note=f"{note} {rest} more tasks stand below." if rest else note,
        caption=f"{count} test samples and the answers of every task",
        count=count,
        groups=groups,
        legends=[legend(task, one) for task, one in drawings.items() if isinstance(one, Mask)],
    )


def _by_view(shown: Mapping[str, FirstSamples]) -> list[list[str]]:
    """Return tasks together that see the same pixels."""
    groups: list[list[str]] = []
    for task, samples in shown.items():
        for group in groups:
            if np.array_equal(shown[group[0]].seen[:SHOWN], samples.seen[:SHOWN]):
                group.append(task)
                break
        else:
            groups.append([task])
    return groups


def _columns(subject: Subject) -> set[str]:
    """Return the names of inputs that all tasks have."""
    return {column for item in subject.composition.dataset_spec.inputs for column in item.columns}


def _seen(samples: FirstSamples, columns: set[str], title: str, limit: int) -> Row:
    cells = [
        Cell(
            picture(image, alt=f"sample {place + 1}, {title}", limit=limit),
            given=[f"{name} = {values[place]}" for name, values in samples.inputs.items() if name in columns],
        )
        for place, image in enumerate(samples.seen)
    ]
    return Row(title, cells)


def _with_inputs(rows: Sequence[Row], samples: FirstSamples, own: set[str]) -> list[Row]:
    """Return rows whose first says what else the task is given."""
    known = {name: values for name, values in samples.inputs.items() if name in own}
    first, *others = rows
    cells = [
        replace(cell, given=[f"{name} = {values[place]}" for name, values in known.items()])
        for place, cell in enumerate(first.cells)
    ]
    return [replace(first, cells=cells), *others]
