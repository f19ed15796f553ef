"""Which forms of answers would hold a label column, and which tasks answer in these; for messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from numpy.typing import NDArray

from ..contracts import Form
from ..contracts.specs import DatasetSpec, ImageSpec
from .registry import Entry, Registry

Given = TypeVar("Given")


def fitting_forms(name: str, column: NDArray[Any], image: ImageSpec, registry: Registry) -> str:
    """Return which forms hold a column `[N, ...]` beside such images, in words, each with its tasks."""
    said = []
    for entry in registry.entries("form"):
        form = _asked(partial(_holding, entry, column, image))
        if form is not None:
            tasks = tasks_answering(name, form, image, registry)
            said.append(f"{form.form} (task {', '.join(tasks)})" if tasks else form.form)
    return f"would hold it: {', '.join(said)}" if said else "no form holds such a column"


def tasks_answering(name: str, form: Form, image: ImageSpec, registry: Registry) -> list[str]:
    """Return the tasks that answer a column of a form as it is, with their default options."""
    spec = DatasetSpec(image, {name: form})

    def answers(entry: Entry) -> bool:
        task = entry.load()(spec)
        return bool(task.needs) and bool(task.target_spec == form)

    return [entry.component.name for entry in registry.entries("task") if _asked(partial(answers, entry))]


def _holding(entry: Entry, column: NDArray[Any], image: ImageSpec) -> Form | None:
    found: Form | None = entry.load().holding(column, image)
    return found


def _asked(question: Callable[[], Given]) -> Given | None:
    """Return what is answered; None from who cannot even be asked."""
    try:
        return question()
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None
