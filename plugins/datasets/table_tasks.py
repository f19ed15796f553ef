"""The tasks that the label columns of a table call for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...core.contracts import Form
from ..forms import (
    Binary,
    Categorical,
    Multilabel,
    Ordinal,
    PixelClasses,
    PixelValues,
    Points,
    Regression,
)
from .table_labels import Label
from .table_planes import MapLabel

CLASS_METRICS = ("accuracy", "balanced-accuracy", "f1", "precision", "recall", "confusion-matrix")
"""What judges classes: people's own are seldom equally frequent."""

NUMBERS = 10.0
"""Weight of a number's loss beside those of other kinds."""

_TASKS = {
    Regression: "regress",
    PixelClasses: "segment",
    PixelValues: "depth",
    Points: "keypoints",
    Multilabel: "attributes",
    Ordinal: "rank",
    Categorical: "classify",
    Binary: "classify",
}
"""The task of each form; classes in order are classes, too, and come before these."""

_TAKEN = ("image", "row")
"""What no task can be called: the model's inputs are."""
_LONGEST = 60


def tasks_of(labels: Mapping[str, Label | MapLabel]) -> dict[str, dict[str, Any]]:
    """Return a task for each label column, named after it, as a recipe writes them."""
    names = task_names(labels)
    found = {names[column]: label_task(column, label.spec) for column, label in labels.items()}
    return {name: task for name, task in found.items() if task is not None}


def label_task(column: str, form: Form) -> dict[str, Any] | None:
    """Return the task that tells a label column, as a recipe writes it; None for a form that none is for."""
    task = next((task for kind, task in _TASKS.items() if isinstance(form, kind)), None)
    if task is None:
        return None
    metrics = {"metrics": list(CLASS_METRICS)} if task == "classify" else {}
    return {"task": task, "label": column, **metrics}


def balancer_of(forms: Mapping[str, Form], tasks: Sequence[str]) -> dict[str, Any]:
    """Return the balancer that label columns call for where these are the tasks; `forms` are those of tasks.

    In units of its spread, the loss of a number that is told to a tenth is 0.005, that of a class seldom
    below 0.5: with equal weights, numbers beside classes stay as inexact as the classes' steps are noisy.
    """
    numbers = {name: isinstance(form, Regression) for name, form in forms.items() if name in tasks}
    if not any(numbers.values()) or all(numbers.values()):
        return {}
    return {"name": "weighted", "weights": {name: NUMBERS for name, told in numbers.items() if told}}


def task_names(columns: Iterable[str]) -> dict[str, str]:
    """Return a task's name for each column: its own where that is letters, digits, `_` and `-`.

    >>> list(task_names(["colour", "Is animal?", "größe", "3d", "is-animal", "品"]).values())
    ['colour', 'Is_animal', 'grosse', 'label_3d', 'is-animal', 'label_6']
    """
    found: dict[str, str] = {}
    for number, column in enumerate(columns, 1):
        plain = unicodedata.normalize("NFKD", column.replace("ß", "ss")).encode("ascii", "ignore").decode()
        name = re.sub(r"[^A-Za-z0-9-]+|-(?![A-Za-z0-9])", "_", plain)[:_LONGEST].strip("_-")
        if not name:
            name = f"label_{number}"
        if not name[0].isalpha() or name in _TAKEN:
            name = f"label_{name}"
        while name in found.values():
            name = f"{name}_{number}"
        found[column] = name
    return found
