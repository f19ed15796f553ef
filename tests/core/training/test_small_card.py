"""Where memory runs out in a capture, shorter blocks are tried, and single steps come last; it is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import Blocks
from mtl.core.training.capture import CapturedBlocks
from mtl.core.training.step import StepLosses
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


class Small:
    """A card on which no more than `most` steps' losses fit into a graph."""

    def __init__(self, most: int) -> None:
        self.most, self.captured = most, 0

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        self.captured += 1
        if self.captured <= 6 and self.most < 16 >> (self.captured - 1):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return work


def on_a_small_card(registry: Registry, most: int, epochs: int) -> Trainer:
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 80, "test_size": 8},
        "encoder": {"name": "mlp", "hidden": [8]},
        "tasks": ["shape-class"],
        "augmentations": ["erase"],
        "train": {"epochs": epochs, "batch_size": 1, "validation": 0.2},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    trainer = Trainer(composition, load_splits(composition.dataset, validation=0.2, split_seed=0), CPU)
    trainer._captured = CapturedBlocks(trainer._replayed, Small(most), trainer._keepers())
    return trainer


def test_memory_that_runs_out_in_a_capture_makes_blocks_shorter_until_one_fits(registry: Registry) -> None:
    trainer = on_a_small_card(registry, most=4, epochs=4)
    told = [trainer.eager_reason for _ in trainer.epochs()]
    first = "a step cannot be captured: CUDA out of memory. Tried to allocate 2.00 GiB (at "
    assert [reason and reason.startswith(first) for reason in told] == [True, True, None, None]
    assert [reason and reason.partition("; ")[2] for reason in told[:2]] == [
        "the next epoch tries blocks of 8 steps, not 16",
        "the next epoch tries blocks of 4 steps, not 8",
    ]
    assert trainer._blocks.steps == 4


def test_memory_that_is_too_small_for_one_step_leaves_single_steps(registry: Registry) -> None:
    trainer = on_a_small_card(registry, most=0, epochs=6)
    told = [trainer.eager_reason for _ in trainer.epochs()]
    assert [reason and "the next epoch" in reason for reason in told] == [True] * 4 + [False] * 2
    assert trainer._blocks.steps == 1


def test_a_resumed_training_has_blocks_as_short_as_they_became(registry: Registry) -> None:
    results = list(on_a_small_card(registry, most=8, epochs=3).epochs())
    resumed = on_a_small_card(registry, most=16, epochs=3)
    stopped = on_a_small_card(registry, most=8, epochs=3).epochs()
    next(stopped)
    resumed.restore(next(stopped).checkpoint)
    assert resumed._blocks.steps == 8
    (result,) = resumed.epochs()
    assert result.row["train/shape-class/loss"] == results[-1].row["train/shape-class/loss"]


@pytest.mark.parametrize(
    ("steps", "accumulate", "less"), [(16, 1, 8), (15, 5, 5), (5, 5, None), (1, 1, None)]
)
def test_a_shorter_block_still_holds_whole_runs_of_batches(
    steps: int, accumulate: int, less: int | None, registry: Registry
) -> None:
    tree = {"tasks": ["classify"], "encoder": "mlp", "train": {"accumulate": accumulate}}
    composition = compose(read(RecipeSource(tree), registry), registry)
    blocks = Blocks(composition, load_splits(composition.dataset, validation=0.9, split_seed=0).train, CPU)
    blocks.steps = steps
    assert blocks.shorter == less
