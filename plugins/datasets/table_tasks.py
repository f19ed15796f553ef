"""The tasks that the label columns of a table call for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from ...core.contracts import Form
from ..forms import Multilabel, Ordinal, PixelClasses, PixelValues, Regression
from .table_labels import Label

CLASS_METRICS = ("accuracy", "balanced-accuracy", "f1", "precision", "recall", "confusion-matrix")
"""What judges classes: people's own are seldom equally frequent."""

_TAKEN = ("image", "row")
"""What no task can be called: the model's inputs are."""
_LONGEST = 60


def tasks_of(labels: Mapping[str, Label]) -> dict[str, dict[str, Any]]:
    """Return a task for each label column, named after it, as a recipe writes them."""
    names = task_names(labels)
    return {names[column]: label_task(column, label.spec) for column, label in labels.items()}


def label_task(column: str, form: Form) -> dict[str, Any]:
    """Return the task of a label column of numbers or classes, as a recipe writes it."""
    if isinstance(form, Regression):
        return {"task": "regress", "label": column}
    if isinstance(form, PixelClasses | PixelValues):
        return {"task": "segment" if isinstance(form, PixelClasses) else "depth", "label": column}
    if isinstance(form, Multilabel | Ordinal):
        return {"task": "attributes" if isinstance(form, Multilabel) else "rank", "label": column}
    return {"task": "classify", "label": column, "metrics": list(CLASS_METRICS)}


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
