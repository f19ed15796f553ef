"""The runs of one task, or of some, that a multitask run is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..composition.composition import Composition
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Registry
from ..recipe.recipe import Choice, Recipe, TaskChoice


def baseline_recipe(recipe: Recipe, task: str, composition: Composition, registry: Registry) -> Recipe:
    """Return the recipe that trains `task` alone: same data, encoder, training and seed.

    Sharing and balancer are the defaults (with one task there is nothing to share or to balance) and the
    task's weight is 1; the rest is that of `part_recipe`. Of one task, the best epoch is its own: `select`
    per-task and best are the same run.
    """
    part = part_recipe(recipe, (task,), composition)
    train = part.train
    if train.select == "per-task":
        train = train.model_copy(update={"select": "best"})
    return replace(
        part,
        tasks=tuple(replace(choice, weight=1.0) if choice.name == task else choice for choice in part.tasks),
        train=train,
        sharing=_default("sharing", registry),
        balancer=_default("balancer", registry),
    )


def part_recipe(recipe: Recipe, tasks: Sequence[str], composition: Composition) -> Recipe:
    """Return the recipe that trains some of the tasks: same data, encoder, sharing, training and seed.

    Where tasks share a view, another task that changes what the model sees (noise, rotation) stays with
    weight 0: it trains nothing, and all runs are trained and judged on the same images. What is frozen of
    other heads, or watched of other tasks, falls away, as does `lookahead`. The memory format is that of the
    whole run, so that rounding is alike.
    """
    train = composition.recipe.train
    watched = train.watch if train.watch is not None and train.watch.partition("/")[0] in tasks else None
    others = tuple(f"heads.{choice.name}." for choice in recipe.tasks if choice.name not in tasks)
    freeze = tuple(pattern for pattern in train.freeze if not pattern.startswith(others))
    kept = tuple(
        choice if choice.name in tasks else replace(choice, weight=0.0)
        for choice in recipe.tasks
        if choice.name in tasks or _changes_the_view(choice, composition)
    )
    train = train.model_copy(update={"watch": watched, "freeze": freeze, "lookahead": 0})
    return replace(recipe, tasks=kept, train=train)


def parameters_alone(composition: Composition, task: str) -> int:
    """Return the trainable parameters of a single-task run: its encoder and the head of its task."""
    counts = composition.parameters()
    return int(counts["encoder"] + counts["heads"][task])


def _changes_the_view(choice: TaskChoice, composition: Composition) -> bool:
    task = composition.tasks[choice.name].task
    if task.inputs and composition.model.sharing.fuses:
        return True  # the encoder reads them: without this task it would be another encoder
    return composition.recipe.views == "shared" and (task.transforms or task.prepares or task.corrupts)


def _default(kind: str, registry: Registry) -> Choice:
    name = registry.defaults(kind, "recipe")[0]
    options, _ = validate_options(options_of(registry.find(kind, name)), {})
    return Choice(name, options)
