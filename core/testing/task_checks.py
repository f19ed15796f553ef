"""Checks of tasks: targets of the declared form, views that stay images, absent labels that stay absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ..composition.composition import Composition
from ..composition.orbit import ELEMENTS
from ..composition.views import Seen, plan_views
from ..contracts import Task
from ..contracts.batch import MISSING
from ..contracts.randomness import SampleRandom
from ..contracts.symmetry import transform_square
from ..data.samples import Samples
from .checks import CheckSkipped, check, require
from .placements import TASK, placed
from .subjects import Subject


@check("task")
def check_targets_match_their_spec(subject: Subject) -> None:
    """Targets have the type, shape and range of `target_spec`, and label columns that are read are named."""
    task, samples = _task_and_samples(subject)
    target = task.target(_look(task, samples, torch.arange(len(samples))).clean)
    spec = task.target_spec
    problem = spec.column_problem(target.numpy(), len(samples))
    require(
        problem is None,
        f"targets of a {spec.form} answer, {spec.dtype} {[len(samples), *spec.target_shape]}",
        f"targets that do not fit: it {problem}",
        "return what `Task.target` says, or mend `target_spec`",
    )
    there = spec.present(target)
    require(
        there is None or bool(there.any()),
        "some targets",
        "all absent",
        "read a label that the data set has",
    )


@check("task")
def check_views_are_images(subject: Subject) -> None:
    """Transformed, prepared and corrupted images stay float32 images of the same shape in 0..1."""
    task, samples = _task_and_samples(subject)
    batch = samples.batch(torch.arange(len(samples)))
    kept = batch.image.clone(), {name: value.clone() for name, value in batch.labels.items()}
    random = SampleRandom(torch.arange(len(samples)), seed=0)
    changed = task.transform(batch, random.stream("transform"))
    _require_image(changed.image, batch.image, "transformed images")
    for name, column in batch.labels.items():
        got = changed.labels.get(name)
        require(
            got is not None and got.shape == column.shape and got.dtype == column.dtype,
            f"label column {name!r} as it was after `transform`",
            "nothing" if got is None else f"{got.dtype} {list(got.shape)}",
            "keep all columns: `Batch(image, {**batch.labels, ...}, batch.inputs)`",
        )
    prepared = task.prepare(batch.image)
    _require_image(prepared, batch.image, "prepared images")
    require(
        torch.allclose(task.prepare(prepared), prepared, atol=1e-6),
        "preparation that changes nothing the second time",
        "another image",
        "make `prepare` idempotent: it runs in the data path and inside the model",
    )
    _require_image(task.corrupt(prepared, random.stream("corrupt")), batch.image, "corrupted images")
    _require_inputs(task, task.draw_inputs(batch, random.stream("inputs")), len(samples))
    require(
        torch.equal(kept[0], batch.image)
        and all(
            torch.equal(value.nan_to_num(), batch.labels[name].nan_to_num())
            for name, value in kept[1].items()
        ),
        "the batch it was given to be left alone",
        "a batch changed in place",
        "return new tensors; other tasks read the same batch",
    )


@check("task")
def check_a_batch_does_not_change_its_samples(subject: Subject) -> None:
    """A sample's view and target do not depend on the rest of its batch, and are the same again."""
    task, samples = _task_and_samples(subject)
    everyone = torch.arange(len(samples))
    together = _look(task, samples, everyone)
    target = task.target(together.clean)
    for indices in (everyone, everyone[3:4], everyone.flip(0)[:5]):
        seen = _look(task, samples, indices)
        same = (
            torch.allclose(seen.image, together.image[indices], atol=1e-5)
            and _equal(task.target(seen.clean), target[indices])
            and all(_equal(value, together.inputs[name][indices]) for name, value in seen.inputs.items())
        )
        require(
            same,
            "the same view and target of a sample in any batch",
            f"another one in a batch of {len(indices)}",
            "draw only from the `random` you are given, with the batch dimension first; use no statistics of "
            "the batch",
        )


@check("task")
def check_absent_labels_stay_absent(subject: Subject) -> None:
    """A sample without the label has no target: -1, or NaN for values."""
    task, samples = _task_and_samples(subject)
    if not task.needs:
        raise CheckSkipped("it needs no labels")
    labels, every = dict(samples.labels), torch.arange(len(samples))
    for name in task.needs:
        column = samples.column(name, every)
        column[0] = float("nan") if column.is_floating_point() else MISSING
        labels[name] = column
    maps = {name: column for name, column in samples.maps.items() if name not in labels}
    target = task.target(_look(task, replace(samples, labels=labels, maps=maps), every).clean)
    there = task.target_spec.present(target)
    require(
        there is not None and not bool(there[0]),
        f"no target where the label is absent ({MISSING}, or NaN for values)",
        target[0].tolist(),
        f"pass absence on: torch.where(label == {MISSING}, {MISSING}, ...)",
    )


@check("task")
def check_answers_move_with_the_image(subject: Subject) -> None:
    """The target of a turned or mirrored sample is the sample's own, moved as `symmetry` says."""
    task, samples = _task_and_samples(subject)
    reason = None if task.symmetry is None else task.target_spec.symmetry_problem(task.symmetry)
    require(
        reason is None,
        f"a `symmetry` of the entries of a {task.target_spec.form} answer",
        reason,
        "state each entry's place once, and none for yes/no and images",
    )
    if task.transforms:
        raise CheckSkipped("it makes labels of its own, which do not move with the image")
    seen = _look(task, samples, torch.arange(len(samples))).clean
    target = task.target(seen)
    height, width = seen.image.shape[-2:]
    for turns, mirrored in ELEMENTS["square" if height == width else "mirror"]:
        every = torch.full((len(samples),), turns), torch.full((len(samples),), mirrored)
        got = task.target(transform_square(seen, *every, task.dataset))
        require(
            _equal(got, task.target_spec.move(target, turns, mirrored, task.symmetry)),
            "targets that move with the image as `symmetry` says",
            f"others after {turns} quarter turns{' of the mirror image' if mirrored else ''}",
            "set `symmetry`, usually that of the label column: `dataset.symmetries.get(column)`",
        )


def _task_and_samples(subject: Subject) -> tuple[Task, Samples]:
    placement = placed(subject)
    composition: Composition = placement.composition
    task = composition.tasks[TASK].task
    missing = [name for name in task.needs if name not in composition.dataset_spec.labels]
    require(not missing, "label columns of the data set in `needs`", missing, "name columns of the data set")
    return task, placement.eight


def _look(task: Task, samples: Samples, indices: Tensor) -> Seen:
    tasks = {TASK: task}
    (view,) = plan_views(tasks, "shared")
    return view.show(samples.batch(indices), tasks, SampleRandom(indices, seed=0))


def _require_image(image: Tensor, original: Tensor, what: str) -> None:
    if image.shape == original.shape and original.numel() == 0:
        return  # a data set without images
    inside = image.dtype == torch.float32 and bool(((image >= 0) & (image <= 1)).all())
    require(
        inside and image.shape == original.shape,
        f"{what} float32 {list(original.shape)} in 0..1",
        f"{image.dtype} {list(image.shape)} in {float(image.min()):.3g}..{float(image.max()):.3g}",
        "keep the shape, and clamp to 0..1",
    )


def _require_inputs(task: Task, drawn: Mapping[str, Tensor], count: int) -> None:
    for spec in task.inputs:
        value = drawn.get(spec.name)
        require(
            value is not None
            and value.dtype == torch.int64
            and list(value.shape) == [count]
            and bool(((value >= 0) & (value < spec.count)).all()),
            f"input {spec.name!r} int64 [{count}] in 0..{spec.count - 1}",
            "nothing" if value is None else f"{value.dtype} {list(value.shape)}",
            "draw it with `random.integers(count)`",
        )


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(
        one.double(), other.double(), atol=1e-5, equal_nan=True
    )
