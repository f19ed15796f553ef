"""What happens to a batch before the model sees it, and which tasks share one look at it.

The order: transforms, preparation (which fixes the clean image, the target of reconstructions), extra
inputs, corruptions, model. Preparation belongs to the model, so every view has all tasks' preparation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from .batch import Batch
from .contracts import Augmentation, Task
from .randomness import Random


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
    """One look at a batch: made by the steps of `makers`, used by `tasks`."""

    tasks: tuple[str, ...]
    makers: tuple[str, ...]

    def look(self, batch: Batch, tasks: Mapping[str, Task], random: Random) -> Seen:
        """Return the batch as this view's tasks see it."""
        # Streams are numbered, not named: what a sample looks like must not depend on what a task is called.
        # They are counted over all tasks, so that two views have noise of their own.
        for index, name in enumerate(name for name, task in tasks.items() if task.transforms):
            if name in self.makers:
                batch = tasks[name].transform(batch, random.stream(f"transform {index}"))
        for task in tasks.values():
            if task.prepares:
                batch = replace(batch, image=task.prepare(batch.image))
        # Every task draws: an encoder that reads an extra input needs it in every view.
        drawn: dict[str, Tensor] = dict(batch.inputs)
        for index, task in enumerate(task for task in tasks.values() if task.inputs):
            drawn.update(task.draw_inputs(batch, random.stream(f"inputs {index}")))
        clean = replace(batch, inputs=drawn)
        image = clean.image
        for index, name in enumerate(name for name, task in tasks.items() if task.corrupts):
            if name in self.makers:
                image = tasks[name].corrupt(image, random.stream(f"corrupt {index}"))
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
        batch = augmentation(batch, random.stream(f"augmentation {index}"))
    return batch
