"""Each task by itself: its curves, and what its answers show in the way that suits their form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..contracts import Form, Map, Mask
from ..evaluation.snapshots import read_snapshots, show
from .charts import SERIES
from .choices import choices
from .class_counts import class_counts
from .class_groups import group_errors
from .class_scores import class_scores
from .confusion import confusion
from .curves import curves
from .first_samples import FirstSamples
from .label_scores import label_scores
from .maps import maps
from .markup import Html, folded, join, tag
from .progression import progression
from .restorations import restorations
from .subject import Subject
from .values import values

_ROW = 3
"""Charts that stand side by side on a wide screen."""


def answers(subject: Subject) -> Html:
    """Return one group per task, made from the test split; curves are of the validation split."""
    shown = show(subject.composition, subject.splits.validation)
    epochs = int(subject.history[-1]["epoch"]) if subject.history else 0
    snapshots = read_snapshots(subject.path, epochs)
    groups = []
    several = len(subject.first) > 1
    for place, (task, samples) in enumerate(subject.first.items()):
        form = subject.composition.tasks[task].target
        # Those of a single task are all that the training has to show.
        charts, others = curves(subject, task) if several else ([], [])
        charts += _charts(subject, task, form, samples)
        room = max(0, _ROW - len(charts))
        charts, others = [*charts, *others[:room]], others[room:]
        parts = [tag("div", *charts, class_="charts")] if charts else []
        if others:
            title = f"More curves of {task} ({len(others)})"
            parts.append(folded(title, tag("div", *others, class_="charts")))
        pictures = _shown(task, form, samples, subject.picture_side)
        if form.is_image:
            pictures += progression(subject, task, shown, snapshots, subject.picture_side)
            pictures = [tag("div", *pictures, class_="beside")]
        heading = tag("h3", tag("span", task, class_=f"task s{place % SERIES}"))
        groups.append(tag("section", heading, *parts, *pictures, *_tables(subject, task)))
    return join(groups)


def _charts(subject: Subject, task: str, form: Form, samples: FirstSamples) -> list[Html]:
    """Return charts of the answers, beside which those of the training stand."""
    if form.choices and not form.moves_with_pixels:
        counted = [class_counts(task, form.choices, rows) for _, rows in _counts(subject, task)]
        return [chart for chart in counted if chart]
    plain = form.quantities and len(form.output_shape) == 1
    return values(task, form.drawing, samples) if plain else []


def _shown(task: str, form: Form, samples: FirstSamples, limit: int) -> list[Html]:
    """Return what is told of a task's answers beside the first of them, which the page begins with."""
    if form.is_image:
        return restorations(task, samples, limit)
    if isinstance(form.drawing, Map):
        return maps(task, form.drawing, samples, limit)
    return choices(task, form, samples, limit) if form.choices else []


def _tables(subject: Subject, task: str) -> list[Html]:
    """Return what the metrics of a task have to say that is no single number."""
    form = subject.composition.tasks[task].target
    metrics = subject.composition.tasks[task].metrics
    parts: list[Html] = []
    for name, rows in _counts(subject, task):
        if isinstance(form.drawing, Mask):
            parts.append(confusion(task, f"{name}, pixel by pixel", form.labels, rows))
        elif form.choices:
            parts.append(confusion(task, name, form.choices, rows))
            parts += group_errors(task, name, form.choices, rows)
            parts.append(class_scores(task, form.choices, rows))
    for name, rows in _tables_of(subject, task):
        if columns := metrics[name].columns:
            parts.append(label_scores(task, name, form.labels, columns, rows))
    return parts


def _counts(subject: Subject, task: str) -> list[tuple[str, Sequence[Any]]]:
    """Return the tables that count answers by true and given class."""
    metrics = subject.composition.tasks[task].metrics
    return [(name, rows) for name, rows in _tables_of(subject, task) if not metrics[name].columns]


def _tables_of(subject: Subject, task: str) -> list[tuple[str, Sequence[Any]]]:
    return list(subject.metrics.get("tables", {}).get("test", {}).get(task, {}).items())
