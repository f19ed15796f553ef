"""Batches cut into independent parts: refused where one would be too small, whole in a short last batch."""

from __future__ import annotations

import pytest
import torch

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.losses import Known
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.blocks import Lesson
from mtl.core.training.parts import cut


def tree(balancer: str, size: int) -> RecipeSource:
    return RecipeSource(
        {
            "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
            "tasks": ["shape-count", "shape-class"],
            "encoder": "mlp",
            "balancer": balancer,
            "train": {"epochs": 1, "batch_size": size},
        }
    )


@pytest.mark.parametrize(("balancer", "parts"), [("modo", 2), ("sdmgrad", 3)])
def test_a_batch_too_small_for_its_parts_is_refused_before_training(
    balancer: str, parts: int, registry: Registry
) -> None:
    for size in (1, 2 * parts - 1):
        message = (
            f"'{balancer}' cuts every batch into {parts} parts of at least 2; train.batch_size is {size}"
        )
        with pytest.raises(RecipeError, match=message) as caught:
            compose(read(tree(balancer, size), registry), registry)
        assert f"set train.batch_size to {2 * parts} or more" in str(caught.value)
    compose(read(tree(balancer, 2 * parts), registry), registry)


@pytest.mark.parametrize(
    ("samples", "parts", "sizes"),
    [(8, 2, [4, 4]), (9, 2, [4, 4]), (3, 2, [3, 3]), (5, 3, [5, 5, 5]), (1, 2, [1, 1])],
)
def test_no_part_of_a_batch_is_a_single_sample(samples: int, parts: int, sizes: list[int]) -> None:
    """Batch statistics of one would end the training: a short last batch is every part itself."""
    answers = Known(torch.zeros(samples), None, torch.tensor(float(samples)))
    lesson = Lesson(("count",), torch.zeros(samples, 1, 2, 2), {}, {"count": answers})
    assert [len(lessons[0].image) for lessons in cut((lesson,), parts)] == sizes
