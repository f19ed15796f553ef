"""What happens to a batch before the model sees it, and which tasks share one view of it.

The order: transforms, preparation (which fixes the clean image, the target of reconstructions), extra
inputs, corruptions, model. Preparation belongs to the model, so every view has all tasks' preparation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ..contracts import Augmentation, Task
from ..contracts.batch import Batch
from ..contracts.randomness import Random
from ..contracts.tensor_form import WHOLE, MisfitError, expect, form_of_target


@dataclass(frozen=True)
class Seen:
    """A batch through a view: `clean` is what targets are read from, `image` is what the model sees."""

    clean: Batch
    image: Tensor

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """The extra model inputs."""
        return self.clean.inputs


@dataclass(frozen=True)
class View:
    """One way to see a batch: made by the steps of `makers`, used by `tasks`."""

    tasks: tuple[str, ...]
    makers: tuple[str, ...]

    def show(self, batch: Batch, tasks: Mapping[str, Task], random: Random) -> Seen:
        """Return the batch as this view's tasks see it."""
        shape = batch.image.shape
        # Streams are numbered, not named: what a sample looks like must not depend on what a task is called.
        # They are counted over all tasks, so that two views have noise of their own.
        for index, name in enumerate(name for name, task in tasks.items() if task.transforms):
            if name in self.makers:
                changed = tasks[name].transform(batch, random.stream(f"transform {index}"))
                batch = _taken(tasks[name], "its transformed batch", changed, batch)
        for task in tasks.values():
            if task.prepares:
                batch = replace(batch, image=task.prepare(batch.image))
                expect(task, "its prepared image is", batch.image, shape)
        # Every task draws: an encoder that reads an extra input needs it in every view.
        drawn: dict[str, Tensor] = dict(batch.inputs)
        for index, task in enumerate(task for task in tasks.values() if task.inputs):
            drawn.update(task.draw_inputs(batch, random.stream(f"inputs {index}")))
            for spec in task.inputs:
                expect(task, f"its input {spec.name!r} is", drawn.get(spec.name), shape[:1], WHOLE)
        clean = replace(batch, inputs=drawn)
        image = clean.image
        for index, name in enumerate(name for name, task in tasks.items() if task.corrupts):
            if name in self.makers:
                image = tasks[name].corrupt(image, random.stream(f"corrupt {index}"))
                expect(tasks[name], "its corrupted image is", image, shape)
        return Seen(clean, image)

    def corrupts(self, tasks: Mapping[str, Task]) -> bool:
        """Whether the model sees something else than the clean image."""
        return any(tasks[name].corrupts for name in self.makers)


def plan_views(tasks: Mapping[str, Task], mode: str) -> tuple[View, ...]:
    """Return the views of a batch: one for all tasks (`shared`), or one per distinct view (`per-task`).

    Tasks that change nothing share one view.
    """
    names = tuple(tasks)
    if mode == "shared":
        return (View(names, names),)
    plain = tuple(name for name, task in tasks.items() if not (task.transforms or task.corrupts))
    views = [View((name,), (name,)) for name in names if name not in plain]
    return (View(plain, ()), *views) if plain else tuple(views)


def augment(batch: Batch, augmentations: Sequence[Augmentation], random: Random) -> Batch:
    """Return the training batch after all augmentations, in order."""
    for index, augmentation in enumerate(augmentations):
        changed = augmentation(batch, random.stream(f"augmentation {index}"))
        batch = _taken(augmentation, "its batch", changed, batch)
    return batch


def target_of(task: Task, seen: Seen) -> Tensor:
    """Return a task's target for what a view shows; raise `MisfitError` when it has not the stated form."""
    target = task.target(seen.clean)
    shape, kinds = form_of_target(task.target_spec)
    expect(task, "its target is", target, (len(seen.image), *shape), kinds)
    return target


def _taken(component: object, what: str, batch: Batch, before: Batch) -> Batch:
    """Return the batch that a component gave, with images of the same form as before and all its inputs."""
    if not isinstance(batch, Batch):
        raise MisfitError(component, f"{what} is of type {type(batch).__name__}, no Batch")
    expect(component, f"the image of {what} is", batch.image, before.image.shape)
    # What changes images leaves vectors alone, and many a one was written before there were any.
    return replace(batch, inputs={**before.inputs, **batch.inputs}) if before.inputs else batch
