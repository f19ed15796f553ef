"""What of a composed recipe differs from its defaults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..discovery.options import options_of, plain
from ..discovery.registry import Registry
from .recipe import Choice, Recipe, TaskChoice, Training
from .section import sections_of
from .training_section import read_training

_NO_DEFAULT = frozenset({"dataset", "encoder", "tasks", "normalization"})
"""What every recipe says, or what depends on the data where it says nothing."""

_DECIDED = frozenset({"channels_last"})
"""Options of `train` that composing decides where nobody did."""


def unusual(recipe: Recipe, registry: Registry) -> dict[str, Any]:
    """Return, as plain values by dotted name, what a composed recipe has that its defaults have not.

    That is the name of a component where another is the default, and of every component the options that
    differ from its own defaults. Which data set, encoder and tasks are chosen is not told.
    """
    found = dict(_of_recipe(recipe, registry))
    for task in recipe.tasks:
        found |= dict(_of_task(task, registry))
    return found


def _of_recipe(recipe: Recipe, registry: Registry) -> Iterator[tuple[str, Any]]:
    for name, section in sections_of(Recipe).items():
        value = getattr(recipe, name)
        if isinstance(value, Training):
            usual = read_training({}, registry, lambda *_: None).to_plain()
            own = {key: it for key, it in value.to_plain().items() if key not in _DECIDED}
            yield from ((f"train.{key}", it) for key, it in own.items() if it != usual.get(key))
        elif isinstance(value, Choice):
            kind = section.kind or name
            if name not in _NO_DEFAULT and value.name not in registry.defaults(kind, "recipe"):
                yield name, value.name
            yield from _of_choice(name, kind, value, registry)
        elif name not in _NO_DEFAULT and value != section.default:
            many = isinstance(value, tuple)
            yield name, [item.to_plain() for item in value] if many else plain(value)


def _of_task(choice: TaskChoice, registry: Registry) -> Iterator[tuple[str, Any]]:
    where = f"tasks.{choice.name}"
    if choice.weight != 1.0:
        yield f"{where}.weight", choice.weight
    for name, section in sections_of(TaskChoice).items():
        value = getattr(choice, name)
        if isinstance(value, Choice) and section.kind:
            place = where if name == "task" else f"{where}.{name}"
            yield from _of_choice(place, section.kind, value, registry)


def _of_choice(where: str, kind: str, choice: Choice, registry: Registry) -> Iterator[tuple[str, Any]]:
    usual = options_of(registry.find(kind, choice.name)).model_fields
    for name, value in choice.options.items():
        if name in usual and plain(value) != plain(usual[name].default):
            yield f"{where}.{name}", plain(value)
