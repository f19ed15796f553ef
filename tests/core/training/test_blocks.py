"""A block's lessons are those of its steps: the same samples, cut up in order."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import (
    BYTES,
    CARD_BYTES,
    CARD_LONGEST,
    LONGEST,
    Blocks,
    StepLessons,
    step_sizes,
    steps_per_block,
    steps_per_replay,
)


@pytest.fixture
def blocks(registry: Registry) -> Blocks:
    tree: dict[str, Any] = {"tasks": ["denoise", "rotation", "classify"], "encoder": "mlp"}
    composition = compose(read(RecipeSource({**tree, "train": {"batch_size": 8}}), registry), registry)
    samples = load_splits(composition.dataset, validation=0.1, split_seed=0).train
    return Blocks(composition, samples, torch.device("cpu"))


def lessons(blocks: Blocks, count: int, epoch: int = 1, block: int = 0) -> list[StepLessons]:
    blocks.restart(epoch, block)
    return blocks.lessons(torch.arange(count), epoch, block)


def test_the_last_step_gets_what_is_left(blocks: Blocks) -> None:
    assert [len(step[0].image) for step in lessons(blocks, 20)] == [8, 8, 4]
    assert [float(step[0].answers["denoise"].count) for step in lessons(blocks, 20)] == [8.0, 8.0, 4.0]


def test_a_block_is_a_function_of_epoch_and_number(blocks: Blocks) -> None:
    first, again = lessons(blocks, 16), lessons(blocks, 16)
    others = [lessons(blocks, 16, epoch=2), lessons(blocks, 16, block=1)]
    assert torch.equal(first[1][0].image, again[1][0].image)
    assert not any(torch.equal(first[1][0].image, other[1][0].image) for other in others)


def test_targets_belong_to_their_images(blocks: Blocks) -> None:
    samples = blocks._feed._ahead._samples  # type: ignore[attr-defined]
    for step in lessons(blocks, 24):
        (lesson,) = step
        turns = lesson.answers["rotation"].target
        clean = lesson.answers["denoise"].target
        unturned = torch.stack(
            [image.rot90(-int(turn), (-2, -1)) for image, turn in zip(clean, turns, strict=True)]
        )
        labels = lesson.answers["classify"].target
        assert (lesson.image - clean).abs().mean() < 0.2
        for image, label in zip(unturned, labels, strict=True):
            found = (samples.image[:24].float() / 255 - image).abs().flatten(1).sum(1).argmin()
            assert samples.labels["digit"][found] == label


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 224, 224)])
@pytest.mark.parametrize("batch_size", [1, 32, 4096])
def test_a_block_is_small(batch_size: int, shape: tuple[int, int, int]) -> None:
    steps = steps_per_block(batch_size, shape)
    assert 1 <= steps <= LONGEST
    assert steps == 1 or steps * batch_size * shape[0] * shape[1] * shape[2] * 4 <= BYTES


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 224, 224)])
@pytest.mark.parametrize("batch_size", [1, 32, 4096])
@pytest.mark.parametrize("count", [70, 10_000, 1_000_000])
def test_a_replay_is_longer_where_the_epoch_is_and_fits_a_card(
    count: int, batch_size: int, shape: tuple[int, int, int]
) -> None:
    steps, usual = steps_per_replay(count, batch_size, shape), steps_per_block(batch_size, shape)
    assert usual <= steps <= CARD_LONGEST
    assert steps == 1 or steps * batch_size * shape[0] * shape[1] * shape[2] * 4 <= CARD_BYTES
    if steps > LONGEST:
        assert len(step_sizes(count, batch_size)) // steps >= 8


def alternating(registry: Registry, seed: int = 0) -> Blocks:
    tree: dict[str, Any] = {
        "seed": seed,
        "tasks": ["parity"],
        "encoder": "mlp",
        "augmentations": [{"name": "flip", "alternating": True}],
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    samples = load_splits(composition.dataset, validation=0.1, split_seed=0).train
    return Blocks(composition, samples, torch.device("cpu"))


def shown(blocks: Blocks, indices: torch.Tensor, epoch: int, block: int) -> torch.Tensor:
    blocks.restart(epoch, block)
    return torch.cat([step[0].image for step in blocks.lessons(indices, epoch, block)])


def test_an_image_is_mirrored_in_every_other_epoch_wherever_it_stands_in_it(registry: Registry) -> None:
    blocks, some = alternating(registry), torch.arange(40)
    first, second, third = (shown(blocks, some, epoch, 0) for epoch in (1, 2, 3))
    assert torch.equal(second, first.flip(-1))
    assert torch.equal(third, first)
    elsewhere = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(shown(blocks, elsewhere, 2, 5), second[elsewhere])


def test_who_is_mirrored_first_is_a_function_of_the_seed_and_about_half(registry: Registry) -> None:
    some = torch.arange(200)
    plain = alternating(registry)._feed.batch((some,)).image
    found = []
    for seed in (0, 0, 1):
        image = shown(alternating(registry, seed), some, 1, 0)
        found.append((image != plain).flatten(1).any(dim=1))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert all(60 < int(one.sum()) < 140 for one in found)
