"""What a card cannot do is refused before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from mtl.core.base.errors import MissingRequirementError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.requirements import refuse_impossible

CARD = torch.device("cuda", 0)


def composed(registry: Registry, **train: Any) -> Composition:
    tree = {"tasks": ["parity"], "encoder": {"name": "mlp", "hidden": [8]}, "train": train}
    return compose(read(RecipeSource(tree), registry), registry)


@pytest.fixture
def old_card(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def device(chosen: torch.device) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1, 2))
    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")


def test_bf16_on_a_card_without_it_is_refused(registry: Registry, old_card: None) -> None:
    with pytest.raises(MissingRequirementError) as caught:
        refuse_impossible(composed(registry, precision="bf16"), CARD)
    assert caught.value.message == "train.precision: bf16 is not to be had on cuda:0 (Tesla T4)"


def test_float32_and_the_cpu_are_not(registry: Registry, old_card: None) -> None:
    refuse_impossible(composed(registry), CARD)
    refuse_impossible(composed(registry, precision="bf16"), torch.device("cpu"))
