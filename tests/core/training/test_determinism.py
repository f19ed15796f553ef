"""The same bytes on CUDA, where that is asked for; what cannot be had so is refused by name."""

from __future__ import annotations

import os

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.determinism import deterministic

CARD = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def _workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")


def test_operations_are_told_and_afterwards_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    with deterministic(True, CARD):
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark


@pytest.mark.parametrize(("wanted", "device"), [(False, CARD), (True, torch.device("cpu"))])
def test_where_it_is_not_asked_for_and_on_a_cpu_nothing_changes(wanted: bool, device: torch.device) -> None:
    with deterministic(wanted, device):
        assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_without_such_an_algorithm_is_refused_by_name() -> None:
    message = "grid_sampler_2d_backward_cuda does not have a deterministic implementation, but you set ..."
    with (
        pytest.raises(UsageError, match=r"train.deterministic: grid_sampler_2d_backward_cuda has no"),
        deterministic(True, CARD),
    ):
        raise RuntimeError(message)
    assert not torch.are_deterministic_algorithms_enabled()


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), deterministic(True, CARD):
        raise RuntimeError("shapes differ")


def test_a_recipe_without_it_says_nothing_of_it(registry: Registry) -> None:
    plain, asked = (
        read(RecipeSource({"tasks": ["parity"], "encoder": "mlp", "train": train}), registry)
        for train in ({}, {"deterministic": True})
    )
    assert "deterministic" not in plain.to_plain()["train"]
    assert asked.to_plain()["train"]["deterministic"] is True
    assert plain.hash() != asked.hash()
