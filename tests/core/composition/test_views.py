"""A view makes its batch in one order: transforms, preparation, inputs, corruption."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.core.composition.views import plan_views
from mtl.core.contracts import Task
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import Random, StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Binary

SPEC = DatasetSpec(ImageSpec(1, 2, 2), {})


class Plain(Task):
    target_spec = Binary()

    def target(self, batch: Batch) -> Tensor:
        return torch.zeros(len(batch.image), dtype=torch.int64)


class Steps(Plain):
    """Writes down in the image what was done to it: doubles, adds one, then negates."""

    def transform(self, batch: Batch, random: Random) -> Batch:
        return Batch(batch.image * 2, {**batch.labels, "moved": torch.ones(1)}, batch.inputs)

    def prepare(self, image: Tensor) -> Tensor:
        return image + 1

    def corrupt(self, image: Tensor, random: Random) -> Tensor:
        return -image


BATCH = Batch(torch.full((1, 1, 2, 2), 3.0), {})


def means(mode: str) -> dict[str, tuple[float, float]]:
    tasks: dict[str, Task] = {"plain": Plain(SPEC), "steps": Steps(SPEC), "other": Plain(SPEC)}
    found = {}
    for view in plan_views(tasks, mode):
        seen = view.show(BATCH, tasks, StepRandom(1, "cpu", 0))
        for name in view.tasks:
            found[name] = (float(seen.clean.image.mean()), float(seen.image.mean()))
    return found


def test_the_clean_image_is_fixed_before_corruption() -> None:
    assert means("shared")["steps"] == (7.0, -7.0)


def test_a_shared_view_is_the_same_for_all() -> None:
    assert set(means("shared").values()) == {(7.0, -7.0)}


def test_per_task_views_keep_other_tasks_clean() -> None:
    # Preparation (adding one) is the model's, so every view has it.
    assert means("per-task") == {"plain": (4.0, 4.0), "steps": (7.0, -7.0), "other": (4.0, 4.0)}


def test_tasks_that_change_nothing_share_one_pass() -> None:
    tasks: dict[str, Task] = {"plain": Plain(SPEC), "steps": Steps(SPEC), "other": Plain(SPEC)}
    assert [view.tasks for view in plan_views(tasks, "per-task")] == [("plain", "other"), ("steps",)]


class Noisy(Plain):
    """Adds noise to the image, in its transform and again as a corruption."""

    def transform(self, batch: Batch, random: Random) -> Batch:
        return Batch(batch.image + random.uniform(1, 2, 2), batch.labels, batch.inputs)

    def corrupt(self, image: Tensor, random: Random) -> Tensor:
        return image + random.uniform(1, 2, 2)


def noises(mode: str, *names: str) -> list[tuple[Tensor, Tensor]]:
    """Return what each view adds in the transform, and what it adds to the clean image."""
    tasks: dict[str, Task] = {name: Noisy(SPEC) for name in names}
    seen = [view.show(BATCH, tasks, StepRandom(1, "cpu", 0)) for view in plan_views(tasks, mode)]
    return [(one.clean.image - BATCH.image, one.image - one.clean.image) for one in seen]


def test_every_view_has_noise_of_its_own() -> None:
    (first, first_noise), (second, second_noise) = noises("per-task", "one", "two")
    assert not torch.allclose(first, second)
    assert not torch.allclose(first_noise, second_noise)


def test_one_noisy_task_has_the_same_noise_in_any_view() -> None:
    for shared, own in zip(noises("shared", "one")[0], noises("per-task", "one")[0], strict=True):
        assert torch.equal(shared, own)


def test_shared_noise_is_the_sum_of_what_each_view_has() -> None:
    (shared,) = noises("shared", "one", "two")
    own = noises("per-task", "one", "two")
    for part in (0, 1):
        torch.testing.assert_close(shared[part], own[0][part] + own[1][part])
