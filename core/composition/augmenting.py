"""The augmentations of a recipe, and whether tasks can have two answers to a mixed image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..contracts import Augmentation
from ..contracts.specs import DatasetSpec
from ..recipe.building import Builder
from ..recipe.recipe import Recipe
from .composition import ComposedTask


def build_augmentations(
    builder: Builder, recipe: Recipe, spec: DatasetSpec, tasks: Mapping[str, ComposedTask]
) -> tuple[Augmentation, ...]:
    """Return the augmentations; raise `RecipeError` for what does not go with the data or the tasks."""
    found = tuple(
        builder.build("augmentation", choice, ("augmentations", index), spec)
        for index, choice in enumerate(recipe.augmentations)
    )
    _refuse_mixing(builder, recipe, found, tasks)
    return found


def _refuse_mixing(
    builder: Builder, recipe: Recipe, augmentations: Sequence[Augmentation], tasks: Mapping[str, ComposedTask]
) -> None:
    """Raise `RecipeError` where images are mixed, for tasks that cannot have two answers, or not at last."""
    for index, augmentation in enumerate(augmentations):
        if not augmentation.mixes:
            continue
        name, path = recipe.augmentations[index].name, ("augmentations", index)
        if index + 1 < len(augmentations):
            reason = "makes one image of two, so it must be the last augmentation"
            raise builder.refused(
                "augmentation", name, reason, path, "put it last; one of its kind is enough"
            )
        for task in tasks.values():
            if (why := _cannot_mix(task)) is not None:
                reason = f"makes one image of two, and task {task.name!r} {why}"
                hint = f"leave {name} out, or the task"
                raise builder.refused("augmentation", name, reason, path, hint)


def _cannot_mix(composed: ComposedTask) -> str | None:
    """Return why a task cannot have two answers to a mixed image; None where it can, or answers with it."""
    task, form = composed.task, composed.target
    if task.transforms:
        return "turns or changes it with its label"
    if form.is_image:
        return None
    if task.inputs:
        return "asks for something else of each image"
    if not task.needs:
        return "makes up its answers anew"
    if form.moves:
        return "answers for places in it"
    return None if composed.loss.mixes else "has a loss that takes no mixture of two answers"
