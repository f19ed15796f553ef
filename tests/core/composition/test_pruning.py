"""Pruning takes the least channels from encoders alone, and leaves a model that can be built again."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.pruning import prune
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource


def composed(registry: Registry, encoder: dict[str, Any]) -> Composition:
    values = {"tasks": ["classify", "parity"], "encoder": encoder}
    return compose(read(RecipeSource(values), registry), registry)


def test_the_channels_of_the_smallest_weights_go(registry: Registry) -> None:
    composition = composed(registry, {"name": "mlp", "hidden": [8, 6]})
    first, second = (it for it in composition.model.parameters() if it.dim() == 2 and it.shape[0] in (8, 6))
    with torch.no_grad():
        for weight, kept in ((first, 4), (second, 3)):
            weight[kept:] *= 1e-3
        second[:, 4:] *= 1e-3
        for task in ("classify", "parity"):
            for weight in composition.model.head(task).parameters():
                if weight.dim() == 2:
                    weight[:, 3:] *= 1e-3
    expected = [first[:4].clone(), second[:3, :4].clone()]
    prune(composition, 0.5)
    assert torch.equal(first, expected[0])
    assert torch.equal(second, expected[1])
    answers = composition.model.eval()(torch.rand(2, 1, 28, 28), {})
    assert {task: tuple(it.shape) for task, it in answers.items()} == {"classify": (2, 10), "parity": (2,)}


def test_convolutions_with_normalisation_and_paths_around_them_are_pruned_together(
    registry: Registry,
) -> None:
    composition = composed(registry, {"name": "small-resnet", "widths": [4, 8], "depth": 1})
    before = {name: it.shape for name, it in composition.model.named_parameters()}
    prune(composition, 0.5)
    after = {name: it.shape for name, it in composition.model.named_parameters()}
    inside = [name for name in before if "encoder" in name or "stages" in name]
    assert inside
    assert all(after[name][0] == before[name][0] // 2 for name in inside)


def test_a_layer_of_one_channel_is_not_taken_away(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"nothing is pruned|cannot be pruned"):
        prune(composed(registry, {"name": "mlp", "hidden": [1]}), 0.5)


def test_a_width_that_the_code_fixes_is_refused(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    composition = composed(registry, {"name": "mlp", "hidden": [8, 6]})
    head = type(composition.model.head("classify"))
    usual = head.forward

    def fixed(self: Any, features: Any) -> torch.Tensor:
        assert features.stages[-1].shape[1] == 6, "six numbers are wanted"
        answer: torch.Tensor = usual(self, features)
        return answer

    monkeypatch.setattr(head, "forward", fixed)
    with pytest.raises(UsageError, match="this model cannot be pruned: six numbers are wanted"):
        prune(composition, 0.5)


def test_without_the_library_it_says_what_to_install(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    with pytest.raises(MissingRequirementError, match="torch-pruning is not installed") as caught:
        prune(composed(registry, {"name": "mlp", "hidden": [8]}), 0.5)
    assert "mtl-composer[prune]" in str(caught.value.hint)
