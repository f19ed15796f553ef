"""A rank gathers the samples of its rows; what all ranks make of a block is what one process makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.base.ranks import ALONE, Ranks, Rows
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import Augmentation
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import Random
from mtl.core.data.samples import Samples, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import Blocks, StepLessons
from mtl.core.training.own_rows import OwnRows, own_rows

CPU = torch.device("cpu")
TOGETHER = ["rotation", "denoise", "shape-class"]
MIXED = ["shape-class", "denoise"]


@dataclass(frozen=True)
class Counting(Ranks):
    """Ranks of one process, one after another: each hears the sum of what `said` holds of all."""

    said: dict[int, list[Tensor]] = field(default_factory=dict)
    heard: list[Tensor] = field(default_factory=list)

    def total(self, tensor: Tensor) -> Tensor:
        self.said.setdefault(self.rank, []).append(tensor)
        return self.heard.pop(0) if self.heard else tensor


class Neighbours(Augmentation):
    """Shows each sample between its neighbours, and says that it needs them."""

    def reads(self, rows: Tensor, count: int) -> Tensor:
        read: Tensor = torch.cat([rows - 1, rows, rows + 1]).clamp(0, count - 1).unique()
        return read

    def __call__(self, batch: Batch, random: Random) -> Batch:
        image = batch.image
        return replace(batch, image=(image + image.roll(1, 0) + image.roll(-1, 0)) / 3)


class Centred(Augmentation):
    """Has the mean of the whole batch, and says nothing of it."""

    def __call__(self, batch: Batch, random: Random) -> Batch:
        return replace(batch, image=(batch.image + batch.image.mean(dim=0, keepdim=True)) / 2)


def parts(registry: Registry, **changes: Any) -> tuple[Composition, Samples]:
    tree: dict[str, Any] = {
        "tasks": ["shape-class"],
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [4]},
        "train": {"batch_size": 7},
        **changes,
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    samples = load_splits(composition.dataset, validation=0.2, split_seed=0).train
    for column in samples.labels.values():
        column[torch.arange(len(column)) % 3 == 0] = -1
    return composition, samples


def lessons(composition: Composition, samples: Samples, ranks: Ranks, indices: Tensor) -> list[StepLessons]:
    blocks = Blocks(composition, samples, CPU, ranks)
    blocks.restart(2, 1)
    return blocks.lessons(indices, 2, 1)


def lessons_of_all(
    composition: Composition, samples: Samples, world: int, indices: Tensor
) -> list[list[StepLessons]]:
    said: dict[int, list[Tensor]] = {}
    for rank in range(world):
        lessons(composition, samples, Counting(rank, world, said), indices)
    heard = [torch.stack(counts).sum(0) for counts in zip(*said.values(), strict=True)]
    return [
        lessons(composition, samples, Counting(rank, world, {}, list(heard)), indices)
        for rank in range(world)
    ]


def together(found: Sequence[Tensor | None], rows: Sequence[Rows | None]) -> Tensor:
    counted = [part for part, of in zip(found, rows, strict=True) if of is not None and of.counted]
    return torch.cat([part for part in counted if part is not None])


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": TOGETHER, "augmentations": [{"name": "flip", "alternating": True}, "gaussian-noise"]},
        {"tasks": TOGETHER, "views": "per-task", "augmentations": ["rotate"]},
        {"tasks": MIXED, "augmentations": ["shift", "mixup"]},
        {"tasks": MIXED, "augmentations": ["erase", "cutmix"]},
    ],
)
def test_the_ranks_lessons_are_those_of_one_process(
    registry: Registry, changes: dict[str, Any], world: int
) -> None:
    composition, samples = parts(registry, **changes)
    indices = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))[
        :30
    ]  # a last step of 2
    whole = lessons(composition, samples, ALONE, indices)
    ranks = lessons_of_all(composition, samples, world, indices)
    for number, step in enumerate(whole):
        for view, lesson in enumerate(step):
            own = [found[number][view] for found in ranks]
            rows = [part.rows for part in own]
            torch.testing.assert_close(together([part.image for part in own], rows), lesson.image)
            for name, value in lesson.inputs.items():
                assert torch.equal(together([part.inputs[name] for part in own], rows), value)
            for name, known in lesson.answers.items():
                answers = [part.answers[name] for part in own]
                torch.testing.assert_close(together([part.target for part in answers], rows), known.target)
                share = together([part.share for part in answers], rows)
                expected = torch.full_like(share, 1 / len(share)) if known.share is None else known.share
                torch.testing.assert_close(share, expected)
                assert all(torch.isclose(part.count, known.count) for part in answers)
                if known.other is not None:
                    others = [part.other for part in answers if part.other is not None]
                    targets = together([part.target for part in others], rows)
                    torch.testing.assert_close(targets, known.other.target)
            assert all(torch.allclose(part.counted(), lesson.counted()) for part in own)
            uncounted = [part for part in own if part.rows is not None and not part.rows.counted]
            for part in uncounted:
                assert all(
                    float(known.share.sum()) == 0
                    for known in part.answers.values()
                    if known.share is not None
                )


@pytest.mark.parametrize("memory", ["resident", "streamed"])
def test_a_rank_gathers_its_rows_only(
    registry: Registry, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    composition, samples = parts(registry, tasks=["denoise", "shape-class"])
    samples = samples.streamed_to(CPU) if memory == "streamed" else samples
    gathered: list[Tensor] = []
    rows_of = Samples._rows

    def noting(samples: Samples, indices: Tensor) -> Tensor:
        gathered.append(indices)
        return rows_of(samples, indices)

    monkeypatch.setattr(Samples, "_rows", noting)
    lessons(composition, samples, Counting(1, 2), torch.arange(21))
    assert {tuple(indices.tolist()) for indices in gathered} == {
        tuple(start + place for start in (0, 7, 14) for place in (3, 4, 5, 6))
    }


def test_mixed_pictures_are_gathered_with_their_partners(registry: Registry) -> None:
    composition, _ = parts(registry, tasks=MIXED, augmentations=["shift", "mixup"])
    found = own_rows([8], Ranks(0, 4), composition.augmentations)
    assert found.gathered(torch.arange(8)).tolist() == [0, 1, 6, 7]
    assert found.own(found.gathered(torch.arange(8))).tolist() == [0, 1]


def test_what_one_augmentation_reads_all_others_get(registry: Registry) -> None:
    composition, _ = parts(registry, tasks=MIXED, augmentations=["mixup"])
    between = Neighbours(composition.dataset_spec)
    found = own_rows([20], Ranks(0, 10), [between, *composition.augmentations])
    # Neighbours of partners and partners of neighbours, until neither asks for more.
    assert found.gathered(torch.arange(20)).tolist() == list(range(20))


def test_an_augmentation_that_says_nothing_gets_the_whole_batch(registry: Registry) -> None:
    composition, samples = parts(registry)
    composition = replace(composition, augmentations=(Centred(composition.dataset_spec),))
    whole = lessons(composition, samples, ALONE, torch.arange(14))
    first, second = lessons_of_all(composition, samples, 2, torch.arange(14))
    for step, one, other in zip(whole, first, second, strict=True):
        torch.testing.assert_close(torch.cat([one[0].image, other[0].image]), step[0].image)


def test_alone_all_is_gathered() -> None:
    found = OwnRows((4, 3))
    assert found.own(found.gathered(torch.arange(7))).tolist() == list(range(7))
