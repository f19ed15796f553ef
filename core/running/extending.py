"""Adds tasks to a trained model: new heads, with the rest as it was or trained on.

What is frozen is what was taken from the run, tensor by tensor, so the old tasks' answers cannot change; that
is not believed but looked at, in torch and in the exported file, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from ..base.errors import UsageError, VerificationError
from ..base.files import write_json
from ..composition.composition import Composition
from ..composition.state_names import places
from ..contracts import ExportSubject
from ..discovery.registry import Registry
from ..evaluation.evaluation import evaluate
from ..folders.run_folder import entered_around
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..recipe.request import Request
from .exporting import export_subject
from .pipeline import Outcome
from .run import Run
from .starting import Warn, compose_started

EXTENSION = "extension.json"
"""In the folder of an extended run: what became of the old tasks."""

_BATCH = 64
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

    Raises `UsageError` for a task that the run has, and where a frozen model would not answer as before: the
    sharing scheme mixes the tasks, or a new task changes what the model sees.
    """
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
    if (file := _file_of(run)).exists():
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


def proven(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Return how it was seen that the old tasks answer bit for bit as in the run, on test samples.

    Raises `VerificationError`, naming the task, when one does not.
    """
    tasks = tuple(run.composition.tasks)
    before = export_subject(run.composition, outcome.splits.test, {})
    after = export_subject(outcome.composition, outcome.splits.test, {})
    count = len(next(iter(after.samples.values())))
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        _refuse_other(_raw(before, rows, tasks), _raw(after, rows, tasks), "the model")
    new = outcome.export.files[0]
    with TemporaryDirectory() as folder:
        old = _file_of(run)
        if not old.exists():
            old = run.export(Path(folder) / old.name).files[0]
        first, second = run.composition.exporter.predictor(old), outcome.composition.exporter.predictor(new)
        compared = first is not None and second is not None
        if first is not None and second is not None:
            known = first(before.samples)
            _refuse_other({task: known[task] for task in tasks}, second(after.samples), str(new))
    return {
        "run": str(run.path),
        "tasks": list(tasks),
        "samples": count,
        "torch": "bit for bit",
        "file": "bit for bit" if compared else "not compared: the exporter runs no file",
    }


def changed(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Return each old task's metrics on the test split before and after, `{task: {metric: [old, new]}}`."""
    splits = outcome.splits
    with run.composition.at_work("in evaluation"):
        run.composition.model.to(splits.test.device)
        before = evaluate(run.composition, splits.test, "test").metrics
    after = outcome.metrics["test"]
    return {
        "run": str(run.path),
        "test": {
            task: {name: [value, after[task].get(name)] for name, value in metrics.items()}
            for task, metrics in before.items()
        },
    }


def write_extension(path: Path, found: Mapping[str, Any], warn: Warn) -> None:
    """Write what became of the old tasks into the folder of the extended run."""
    with entered_around(path / EXTENSION, warn):
        write_json(path / EXTENSION, found)


def _file_of(run: Run) -> Path:
    return run.path / run.composition.exporter.file_name


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
    return Request(tree, None, dict(asked.flags or {}), asked.assignments).source(registry)


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


def _raw(subject: ExportSubject, rows: slice, tasks: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    given = {name: torch.from_numpy(values[rows]) for name, values in subject.samples.items()}
    image = given.pop("image").float() / 255.0
    with torch.no_grad():
        raw = subject.model(image, given, tasks)
    return {task: raw[task].numpy() for task in tasks}


def _refuse_other(
    before: Mapping[str, np.ndarray[Any, Any]], after: Mapping[str, np.ndarray[Any, Any]], what: str
) -> None:
    for task, known in before.items():
        if known.tobytes() != after[task].tobytes():
            gap = float(np.abs(known - after[task]).max())
            raise VerificationError(
                f"{what} answers task {task!r} otherwise than before: the largest difference is {gap:.2g}",
                hint="this should not be, and the run is not to be used: please report it",
            )
