"""How often each label is true in each part of the data, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..contracts import Bars, Form, Tags
from .class_counts import bars
from .markup import Html, tag
from .numbers import listed
from .subject import Subject

_SPLITS = ("train", "validation", "test")
_MOST = 12
"""Columns that are drawn."""


def label_shares(subject: Subject) -> list[Html]:
    """Return one chart per label column of classes or tags that a task needs."""
    tasks: dict[str, list[str]] = {}
    for name, composed in subject.composition.tasks.items():
        for column in composed.task.needs:
            tasks.setdefault(column, []).append(name)
    forms = {
        column: form
        for column, form in subject.composition.dataset_spec.labels.items()
        if column in tasks and isinstance(form.drawing, Bars | Tags)
    }
    return [_chart(subject, column, form, tasks[column]) for column, form in list(forms.items())[:_MOST]]


def _chart(subject: Subject, column: str, form: Form, tasks: list[str]) -> Html:
    shares = {
        f"{name}, %": 100 * shares_of(form, subject.splits.named(name).labels[column].cpu())
        for name in _SPLITS
    }
    label = f"Share of each label of {column} in every part of the data"
    title = tag("figcaption", column if tasks == [column] else f"{column}, for {listed(tasks)}")
    return tag("figure", title, bars(shares, form.labels, label=label), class_="card")


def shares_of(form: Form, column: Tensor) -> NDArray[Any]:
    """Return the share of each label among the samples that have one, `[K]` in 0..1."""
    there = form.present(column)
    total, count = form.tally(column if there is None else column[there])
    mean = np.nan_to_num((total / count).numpy()) if len(column) else np.zeros(form.output_shape)
    drawing = form.drawing
    return drawing.probabilities(mean[None])[0] if isinstance(drawing, Bars) else mean
