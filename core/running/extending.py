"""Adds tasks to a trained model: new heads, with the rest as it was or trained on.

What is frozen is what was taken from the run, tensor by tensor, so the old tasks' answers cannot change; that
is not believed but looked at (`extension.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..composition.composition import Composition
from ..composition.state_names import places
from ..discovery.registry import Registry
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..recipe.request import Request
from .alike import file_of
from .run import Run
from .starting import Warn, compose_started

_OLD = ("encoder", "head", "vector", "sharing")


@dataclass(frozen=True)
class Extension:
    """What is asked: new tasks for a run, by name, and what else its recipe is to say, as for `compose`.

    With `finetune` everything is trained; otherwise what comes from the run stays as it is.
    """

    tasks: tuple[str, ...]
    finetune: bool = False
    flags: Mapping[str, Any] | None = None
    assignments: tuple[str, ...] = ()


def extended(run: Run, asked: Extension, registry: Registry, warn: Warn) -> tuple[Recipe, RecipeSource]:
    """Return the recipe that trains a run's model with more tasks, and where its values were written.

    Raises `UsageError` for a run that is not complete, for a task that it has, and where a frozen model would
    not answer as before: the sharing scheme mixes the tasks, or a new task changes what the model sees.
    """
    _ = run.metrics  # only a complete run has tasks to compare with
    old = run.composition
    source = _source(old, asked, run.path, registry)
    recipe = read(source, registry)
    if asked.finetune:
        return recipe, source
    composition, taken = compose_started(recipe, registry, warn, source)
    for name in asked.tasks:
        if composition.tasks[name].task.prepares:
            raise UsageError(
                f"task {name!r} prepares the image for all tasks: the others would not answer as before",
                hint="train all of them: --finetune",
            )
    assert taken is not None
    _refuse_changed(old, composition, taken.keys, run.path)
    if (file := file_of(run)).exists():
        old.exporter.predictor(file)  # a damaged file is refused now, not after a training
    names = [key for key, place in places(composition).items() if place.part in _OLD]
    freeze = tuple(_public(pattern, composition) for pattern in patterns(names, taken.keys))
    return replace(recipe, train=recipe.train.model_copy(update={"freeze": freeze})), source


def patterns(names: Iterable[str], chosen: Iterable[str]) -> list[str]:
    """Return patterns that match the chosen names, parted by dots, and no others: as few as there can be.

    >>> patterns(["a.b.x", "a.b.y", "a.c", "d.e"], ["a.b.x", "a.b.y", "d.e"])
    ['a.b.*', 'd.*']
    """
    names, wanted = list(names), set(chosen)
    found: list[str] = []
    for name in names:
        if name not in wanted or any(name == it or name.startswith(it.removesuffix("*")) for it in found):
            continue
        parts = name.split(".")
        for depth in range(1, len(parts)):
            prefix = ".".join(parts[:depth]) + "."
            if all(other in wanted for other in names if other.startswith(prefix)):
                found.append(f"{prefix}*")
                break
        else:
            found.append(name)
    return found


def _source(old: Composition, asked: Extension, path: Path, registry: Registry) -> RecipeSource:
    """Return the values of the new recipe: the run's, with the new tasks, begun from the run's weights."""
    if not asked.tasks:
        raise UsageError("no new tasks are named", hint="mtl list task names what there is")
    for name in asked.tasks:
        if name in old.tasks:
            hint = (
                "name new tasks; another task of that kind needs a name of its own: mtl compose --init-from"
            )
            raise UsageError(f"{path} has a task {name!r} already", hint=hint)
    tree = old.recipe.to_plain()
    tree["tasks"] |= {name: {} for name in asked.tasks}
    tree["init_from"] = str(path)
    for name in ("freeze", "unfreeze_after", "watch"):
        tree["train"].pop(name, None)
    if not asked.finetune:
        # Nothing that tasks share is trained: there is nothing to balance.
        tree["balancer"] = registry.defaults("balancer", "recipe")[0]
    source = Request(tree, None, dict(asked.flags or {}), asked.assignments).source(registry)
    for name in asked.tasks:
        source.origins.setdefault(("tasks", name), "--tasks")
    return source


def _refuse_changed(old: Composition, new: Composition, taken: frozenset[str], path: Path) -> None:
    """Raise `UsageError` unless every tensor that the old tasks' answers come from is the new model's too."""
    here = new.model.state_dict()
    for key, place in places(old).items():
        if place.part in _OLD and key not in taken:
            mine = list(here[key].shape) if key in here else "not there"
            raise UsageError(
                f"the sharing scheme {old.recipe.sharing.name!r} changes with the tasks: {place.shown} is "
                f"{list(old.model.state_dict()[key].shape)} in {path}, {mine} here",
                hint="train all of it: --finetune; or keep the scheme's size, where an option sets it "
                f"(mtl show sharing {old.recipe.sharing.name})",
            )


def _public(pattern: str, composition: Composition) -> str:
    """Return a pattern with the name of the task in the place of its number."""
    room, _, rest = pattern.partition(".")
    index, _, inner = rest.partition(".")
    return f"{room}.{tuple(composition.tasks)[int(index)]}.{inner}" if index.isdecimal() else pattern
