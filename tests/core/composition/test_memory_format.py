"""The memory format follows from the model alone, is written down, and changes no result beyond rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.memory_format import prefers_channels_last, refuse_unsafe, unsafe_convolution
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


def composed(registry: Registry, encoder: Any = "lenet", **train: Any) -> Composition:
    tree = {"tasks": ["denoise", "classify"] if encoder == "lenet" else ["classify"], "encoder": encoder}
    values = {"epochs": 1, "validation": 0.8, **train}
    return compose(read(RecipeSource({**tree, "train": values}), registry), registry)


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("lenet", True),
        ("mlp", False),
        ({"name": "small-resnet", "widths": [16, 32]}, True),
        ({"name": "small-resnet", "widths": [8, 16]}, False),
    ],
)
def test_the_rule_is_written_into_the_recipe(registry: Registry, encoder: Any, expected: bool) -> None:
    assert composed(registry, encoder).recipe.train.channels_last is expected


@pytest.mark.parametrize("wanted", [True, False])
def test_the_recipe_has_the_last_word(registry: Registry, wanted: bool) -> None:
    assert composed(registry, channels_last=wanted).recipe.train.channels_last is wanted


@pytest.mark.parametrize("channels", [(4, 16), (8, 16), (12, 24), (16, 24), (20, 32)])
def test_a_strided_1x1_convolution_of_odd_channels_is_unsafe(channels: tuple[int, int]) -> None:
    assert unsafe_convolution(nn.Sequential(nn.Conv2d(*channels, 1, stride=2))) is not None
    assert unsafe_convolution(nn.Sequential(nn.Conv2d(*channels, 1))) is None
    assert unsafe_convolution(nn.Sequential(nn.Conv2d(*channels, 3, stride=2))) is None


def test_kernels_of_a_components_own_keep_the_usual_format() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.zeros(16, 16, 1, 1))

    assert not prefers_channels_last(nn.Sequential(nn.Conv2d(16, 16, 3), Own()))


def test_asking_for_an_unsafe_format_is_refused_on_a_cpu_before_anything_is_made(
    registry: Registry, tmp_path: Path
) -> None:
    tree = {"tasks": ["classify"], "encoder": {"name": "small-resnet", "widths": [8, 16]}}
    recipe = read(RecipeSource({**tree, "train": {"channels_last": True}}), registry)
    with pytest.raises(UsageError, match=r"strided 1x1 convolution .* \(8 -> 16 channels\)"):
        Pipeline(registry, CPU).start(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    model = compose(recipe, registry).model
    refuse_unsafe(model, True, torch.device("cuda"))


def test_both_formats_train_the_same_model_up_to_rounding(registry: Registry) -> None:
    rows = []
    for channels_last in (False, True):
        composition = composed(registry, channels_last=channels_last)
        splits = load_splits(composition.dataset, validation=0.8, split_seed=0)
        rows.append(next(Trainer(composition, splits, CPU).epochs()).row)
    assert {k: v for k, v in rows[0].items() if k != "seconds"} == pytest.approx(
        {k: v for k, v in rows[1].items() if k != "seconds"}, rel=1e-3
    )
