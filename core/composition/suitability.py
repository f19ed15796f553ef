"""Refuses a model that cannot be trained, and what does not suit it or the data, before any training."""

from __future__ import annotations

from collections.abc import Mapping, Set

from ..base.errors import ComponentError, Problem, RecipeError, suggest
from ..contracts import Balancer, Sharing, Task
from ..contracts.specs import DatasetSpec
from ..discovery.declared import ask
from ..recipe.building import Builder
from ..recipe.recipe import Recipe, Sampling, Training
from .composition import ComposedTask
from .freezing import Freezing, lasting
from .model import MultitaskModel


def refuse_misnamed_inputs(label: str, spec: DatasetSpec) -> None:
    """Raise `ComponentError` for a data set without any input, or with two columns or inputs of one name."""
    names = ["image", *(item.name for item in spec.inputs)]
    if not spec.image and not spec.inputs:
        raise ComponentError(f"{label} offers neither images nor vectors", hint="state `inputs` in its spec")
    for name in names[1:]:
        if names.count(name) > 1 or name in spec.labels:
            raise ComponentError(f"{label} has two inputs or columns of the name {name!r}")


def refuse_without_images(
    builder: Builder, recipe: Recipe, spec: DatasetSpec, tasks: Mapping[str, Task]
) -> None:
    """Raise `RecipeError` for what a recipe wants to do with images where the data set has none."""
    if spec.image:
        return
    reason = f"changes images, and {recipe.dataset.name!r} has none"
    for name, task in tasks.items():
        if task.transforms or task.prepares or task.corrupts:
            raise builder.refused("task", name, reason, ("tasks", name), "leave the task out")
    for index, choice in enumerate(recipe.augmentations):
        path = ("augmentations", index)
        raise builder.refused("augmentation", choice.name, reason, path, "leave it out")
    stated = {
        "test_time_augmentation": recipe.test_time_augmentation != "none",
        "normalization": isinstance(recipe.normalization, Mapping),
    }
    for key in (key for key, given in stated.items() if given):
        message = f"{key} is for images, and {recipe.dataset.name!r} has none"
        raise RecipeError([Problem(message, builder.source.where((key,)), "leave it out")])


def refuse_unread_vectors(builder: Builder, recipe: Recipe, spec: DatasetSpec, read: Set[str]) -> None:
    """Raise `RecipeError` when nothing reads a vector that the data set offers beside its images."""
    for item in spec.inputs if spec.image else ():
        if item.name not in read:
            reason = f"does not read the input {item.name!r} of data set {recipe.dataset.name!r}"
            joining = ", ".join(builder.registry.defaults("encoder", "inputs"))
            hint = f"choose an encoder that joins an image with vectors: {joining}"
            raise builder.refused("encoder", recipe.encoder.name, reason, ("encoder",), hint)


def refuse_frozen(builder: Builder, recipe: Recipe, model: MultitaskModel) -> None:
    """Raise `RecipeError` for a model of which nothing is trained."""
    if not any(parameter.requires_grad for parameter in model.parameters()):
        reason = "and every other part of the model are frozen: there is nothing to train"
        hint = "leave some parameters trained (requires_grad), or choose a head with parameters"
        raise builder.refused("encoder", recipe.encoder.name, reason, ("encoder",), hint)


def refuse_unsuitable(
    builder: Builder, recipe: Recipe, balancer: Balancer, model: MultitaskModel, frozen: Freezing
) -> None:
    """Raise `RecipeError` for a balancer that does not go with the model, or with how it is trained.

    It has too few gradients or samples, cannot be compiled, or wants every batch again after its update.
    """
    for reason, hint in (
        _unsuitable(builder, recipe, balancer, model.sharing),
        _all_frozen(balancer, model, frozen),
        _accumulating(balancer, recipe.train),
    ):
        if reason:
            raise builder.refused("balancer", recipe.balancer.name, reason, ("balancer",), hint)


def _unsuitable(builder: Builder, recipe: Recipe, balancer: Balancer, sharing: Sharing) -> tuple[str, str]:
    name = recipe.sharing.name
    least, size = 2 * balancer.parts, recipe.train.batch_size
    other = "choose another balancer or sharing, or name more tasks"
    if recipe.train.compile and not (balancer.compile_safe and balancer.on == "parameters"):
        return "does not work with a compiled model", "leave train.compile out, or balance on parameters"
    if balancer.parts > 1 and size < least:
        return (
            f"cuts every batch into {balancer.parts} parts of at least 2; train.batch_size is {size}",
            f"set train.batch_size to {least} or more, or choose another balancer",
        )
    if not balancer.needs_gradients:
        return "", ""
    if not ask(builder.label(sharing), sharing, "shared_parameters"):
        return f"needs shared parameters; sharing {name!r} of these tasks has none", other
    if not sharing.trained_together():
        return (
            f"needs shared parameters that are trained; all those of sharing {name!r} are frozen",
            "choose another balancer, or train a part of the encoder",
        )
    if balancer.on != "features":
        return "", ""
    if not sharing.common_features:
        return (
            f"works on features that all heads read; with sharing {name!r} every task has its own",
            "balance on parameters, or choose hard sharing",
        )
    if recipe.views == "per-task":
        return (
            "works on features that all heads read; with views 'per-task' every view has its own",
            "balance on parameters, or set views: shared",
        )
    return "", ""


def _all_frozen(balancer: Balancer, model: MultitaskModel, frozen: Freezing) -> tuple[str, str]:
    """Return why a balancer of gradients has none while all that tasks share is frozen, and a hint."""
    if frozen.until is None or not balancer.needs_gradients:
        return "", ""
    held = {id(model.get_parameter(name)) for name in frozen.parameters}
    if any(id(parameter) not in held for parameter in model.sharing.trained_together()):
        return "", ""
    return (
        f"needs shared parameters that are trained; all are frozen{lasting(frozen.until)}",
        "freeze a part of the encoder only, or choose a balancer of losses",
    )


def watched_metric(builder: Builder, training: Training, tasks: Mapping[str, ComposedTask]) -> str | None:
    """Return `train.watch` as `TASK/METRIC`; raise `RecipeError` where there is no such metric."""
    if training.watch is None:
        return None

    def refuse(problem: str, hint: str) -> RecipeError:
        return RecipeError(
            [Problem(f"train: watch: {problem}", builder.source.where(("train", "watch")), hint)]
        )

    if training.select == "last" and training.patience is None:
        raise refuse(
            "nothing is chosen by it where the last epoch is kept", "set select: best, or a patience"
        )
    task, _, metric = training.watch.partition("/")
    if task not in tasks:
        raise refuse(f"there is no task {task!r}", suggest(task, list(tasks), "tasks"))
    able = [name for name, it in tasks[task].metrics.items() if it.scalar and it.direction is not None]
    able.append("loss")
    metric = metric or able[0]
    if metric not in able:
        known = metric in tasks[task].metrics
        what = "is no number of which more or less is better" if known else "is none of its metrics"
        raise refuse(f"{metric!r} of task {task!r} {what}", suggest(metric, able, "metrics"))
    return f"{task}/{metric}"


def _accumulating(balancer: Balancer, training: Training) -> tuple[str, str]:
    """Return why a balancer that looks at a batch after its update cannot, if not all have one."""
    if training.accumulate == 1 or not balancer.needs_new_losses:
        return "", ""
    return (
        f"looks at every batch after its update; train.accumulate is {training.accumulate}",
        "leave train.accumulate out, or choose another balancer",
    )


def refuse_sampling(
    builder: Builder, wanted: Sampling | None, tasks: Mapping[str, Task], spec: DatasetSpec
) -> None:
    """Raise `RecipeError` when samples are to be drawn by what has no classes, or by unknown ones."""
    if wanted is None:
        return

    def refuse(key: str, problem: str, hint: str) -> RecipeError:
        where = builder.source.where(("train", "sampling", key))
        return RecipeError([Problem(f"train: option 'sampling.{key}': {problem}", where, hint)])

    task = tasks.get(wanted.by)
    if task is None and wanted.by not in spec.labels:
        known = [*tasks, *spec.labels]
        raise refuse(
            "by", f"there is no task or label column {wanted.by!r}", suggest(wanted.by, known, "known")
        )
    form = spec.labels[wanted.by] if task is None else task.target_spec
    if not form.choices or form.target_shape:
        raise refuse(
            "by", f"{wanted.by!r} has no classes: its answer is {form.form}", "name one with classes"
        )
    if task is not None and not task.needs:
        raise refuse("by", f"task {wanted.by!r} makes up its answers anew", "name a task that needs labels")
    if isinstance(wanted.shares, Mapping):
        for name in wanted.shares:
            if name not in form.choices:
                hint = suggest(name, list(form.choices), "classes")
                raise refuse("shares", f"{wanted.by!r} has no class {name!r}", hint)
