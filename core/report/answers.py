"""What the model answers to test samples, in the way that suits the form of the answer."""

from __future__ import annotations

import math

from ..contracts import Map, Marks, Mask
from ..evaluation.snapshots import read_snapshots, show
from .choices import choices
from .class_counts import class_counts
from .class_groups import group_errors
from .class_scores import class_scores
from .confusion import confusion
from .described import described
from .first_samples import SHOWN, first_samples
from .label_scores import label_scores
from .maps import maps
from .markup import Html, section, tag
from .masks import masks
from .places import places
from .progression import progression
from .restorations import restorations
from .subject import Subject
from .values import values

_BUDGET = 900_000
"""Bytes that all pictures of a page may take."""


def answers(subject: Subject) -> Html:
    """Return the section with one group of pictures per task, made from the test split."""
    first = first_samples(subject.composition, subject.splits.test)
    limit = _longest_side(subject)
    shown = show(subject.composition, subject.splits.validation)
    epochs = int(subject.history[-1]["epoch"]) if subject.history else 0
    snapshots = read_snapshots(subject.path, epochs)
    groups = []
    for task, seen in first.items():
        form = subject.composition.tasks[task].target
        tables = subject.metrics.get("tables", {}).get("test", {}).get(task, {})
        columns = {name: found.columns for name, found in subject.composition.tasks[task].metrics.items()}
        parts: list[Html] = []
        if form.is_image:
            parts += restorations(task, seen, limit)
            parts += progression(subject, task, shown, snapshots, limit)
        elif isinstance(form.drawing, Mask):
            parts += masks(task, form.drawing, seen, limit)
            parts += [
                confusion(task, f"{name}, pixel by pixel", form.labels, rows)
                for name, rows in tables.items()
                if not columns.get(name)
            ]
        elif isinstance(form.drawing, Map):
            parts += maps(task, form.drawing, seen, limit)
        elif form.choices:
            parts += choices(task, form, seen, limit)
            for name, rows in tables.items():
                if columns.get(name):
                    continue
                parts.append(confusion(task, name, form.choices, rows))
                parts += group_errors(task, name, form.choices, rows)
                parts += [class_counts(task, form.choices, rows), class_scores(task, form.choices, rows)]
        elif isinstance(form.drawing, Marks) and seen.seen.size:
            parts += places(task, form, seen)
        elif form.quantities:
            parts += values(task, form.drawing, seen)
        else:
            parts += described(task, form, seen, limit)
        parts += [
            label_scores(task, name, form.labels, columns[name], rows)
            for name, rows in tables.items()
            if columns.get(name)
        ]
        groups.append(tag("section", tag("h3", task), *parts))
    note = "From the test split, with the same noise as in the evaluation. First samples are not chosen ones."
    return section("Answers", tag("p", note, class_="note"), *groups, id_="answers")


def _longest_side(subject: Subject) -> int:
    """Return how many pixels a picture may be wide or high: many large ones would make a heavy page."""
    targets = subject.composition.targets.values()
    # Of an image: four rows of test samples, and about ten of fewer validation samples; of a map fewer.
    pictures = SHOWN * sum(12 if target.moves_with_pixels else 2 for target in targets)
    bytes_per_pixel = 4 / 3 * max(1, subject.composition.dataset_spec.image.kept_shape[0])
    return max(24, min(96, int(math.sqrt(_BUDGET / max(1, pictures) / bytes_per_pixel))))
