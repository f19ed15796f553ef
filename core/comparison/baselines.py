"""The runs of one task, or of some, that a multitask run is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from ..composition.composition import Composition
from ..composition.freezing import seen_by_freeze
from ..composition.parameter_groups import HEADS, claimed, matches, public_names, public_state
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Registry
from ..recipe.recipe import Choice, Recipe, TaskChoice, Training

_SHARING = "sharing."


def baseline_recipe(recipe: Recipe, task: str, composition: Composition, registry: Registry) -> Recipe:
    """Return the recipe that trains `task` alone: same data, encoder, training and seed.

    Sharing and balancer are the defaults (with one task there is nothing to share or to balance) and the
    task's weight is 1; the rest is that of `part_recipe`, and what is said of the sharing scheme's own
    parameters falls away. Of one task, the best epoch is its own: `select` per-task and best are the same.
    """
    part = part_recipe(recipe, (task,), composition)
    train = _without(part.train, (_SHARING,), composition)
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
    weight 0: it trains nothing, and all runs are trained and judged on the same images. So does one whose
    classes say how often samples are drawn. What is said of other heads alone (`freeze`, `groups`), watched
    of other tasks, or said of them in the balancer's options falls away, as does `lookahead`. The memory
    format is that of the whole run, so that rounding is alike.
    """
    train = composition.recipe.train
    watched = train.watch if train.watch is not None and train.watch.partition("/")[0] in tasks else None
    gone = tuple(f"{HEADS}.{choice.name}." for choice in recipe.tasks if choice.name not in tasks)
    kept = tuple(
        choice if choice.name in tasks else replace(choice, weight=0.0)
        for choice in recipe.tasks
        if choice.name in tasks or _changes_the_view(choice, composition) or _draws(choice, composition)
    )
    train = _without(train, gone, composition).model_copy(update={"watch": watched, "lookahead": 0})
    balancer = _balancer_of(recipe, {choice.name for choice in kept})
    return replace(recipe, tasks=kept, train=train, balancer=balancer)


def alone_of(recipe: Recipe, tasks: Sequence[str]) -> Recipe:
    """Return a `part_recipe` of these tasks without those that stayed with weight 0: what is deployed."""
    own = tuple(choice for choice in recipe.tasks if choice.name in tasks)
    # How samples are drawn changes no model, and may be by a task that stayed.
    train = recipe.train.model_copy(update={"sampling": None})
    return replace(
        recipe, tasks=own, train=train, balancer=_balancer_of(recipe, {choice.name for choice in own})
    )


def parameters_alone(composition: Composition, task: str) -> int:
    """Return the trainable parameters of a single-task run: its encoder and the head of its task."""
    counts = composition.parameters()
    return int(counts["encoder"] + counts["heads"][task])


def _changes_the_view(choice: TaskChoice, composition: Composition) -> bool:
    task = composition.tasks[choice.name].task
    if task.inputs and composition.model.sharing.fuses:
        return True  # the encoder reads them: without this task it would be another encoder
    return composition.recipe.views == "shared" and (task.transforms or task.prepares or task.corrupts)


def _draws(choice: TaskChoice, composition: Composition) -> bool:
    """Return whether samples are drawn by the classes of a task, which no label column has."""
    sampling = composition.recipe.train.sampling
    named = sampling is not None and sampling.by == choice.name
    return named and choice.name not in composition.dataset_spec.labels


def _without(train: Training, gone: tuple[str, ...], composition: Composition) -> Training:
    """Return a training without what it says only of parameters that are gone: whose names begin so."""
    names = public_state(composition.model, composition.encoders)
    left = {name for name, public in names.items() if not all(one.startswith(gone) for one in public)}
    taken = claimed(public_names(composition.model, composition.encoders), train.groups)
    claims = [{name for name, index in taken.items() if index == place} for place in range(len(train.groups))]
    groups = tuple(rule for rule, own in zip(train.groups, claims, strict=True) if own & left)
    seen = seen_by_freeze(composition.model, names)
    freeze = tuple(pattern for pattern in train.freeze if any(matches(pattern, seen[name]) for name in left))
    until = train.unfreeze_after if freeze else None
    return train.model_copy(update={"groups": groups, "freeze": freeze, "unfreeze_after": until})


def _balancer_of(recipe: Recipe, tasks: Set[str]) -> Choice:
    """Return the recipe's balancer, whose options by task say nothing of those that are absent."""
    known = {choice.name for choice in recipe.tasks}
    options = {
        name: {key: item for key, item in value.items() if key in tasks}
        if isinstance(value, Mapping) and known.issuperset(value)
        else value
        for name, value in recipe.balancer.options.items()
    }
    return replace(recipe.balancer, options=options)


def _default(kind: str, registry: Registry) -> Choice:
    name = registry.defaults(kind, "recipe")[0]
    options, _ = validate_options(options_of(registry.find(kind, name)), {})
    return Choice(name, options)
