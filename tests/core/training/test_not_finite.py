"""A model whose answers are not finite is not judged: it is refused, and no metric calls it right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import VerificationError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.evaluation import evaluate, score
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import metrics_of
from mtl.core.training.checkpoint import CheckpointFolder

TREE: dict[str, Any] = {
    "tasks": ["classify", "even", "autoencode"],
    "encoder": {"name": "mlp", "hidden": [4]},
    "train": {"epochs": 1, "batch_size": 500},
}


@pytest.fixture
def composed(registry: Registry) -> tuple[Composition, Splits]:
    composition = compose(read(RecipeSource(TREE), registry), registry)
    return composition, load_splits(composition.dataset, validation=0.1, split_seed=0)


@pytest.mark.parametrize("task", ["classify", "even", "autoencode"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_task_that_is_not_finite_is_named(
    composed: tuple[Composition, Splits], task: str, value: float
) -> None:
    composition, splits = composed
    with torch.no_grad():
        next(composition.model.head(task).parameters()).fill_(value)
    found = evaluate(composition, splits.test, "test")
    assert list(found.not_finite) == [task]
    with pytest.raises(VerificationError, match=f"task '{task}' is not finite on the test split"):
        found.refuse_not_finite("test")
    with pytest.raises(VerificationError, match=f"task '{task}' is not finite"):
        metrics_of(composition, splits)


def test_its_metrics_are_no_numbers_and_those_of_others_are(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    before = evaluate(composition, splits.test, "test").metrics
    with torch.no_grad():
        next(composition.model.head("classify").parameters()).fill_(float("nan"))
    after = evaluate(composition, splits.test, "test").metrics
    assert all(value != value for value in after["classify"].values())
    assert after["even"] == before["even"]


def test_one_bad_answer_of_anybody_is_enough(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed

    def answer(tasks: tuple[str, ...], seen: Any) -> dict[str, torch.Tensor]:
        guess = torch.nn.functional.one_hot(seen.clean.labels["digit"], 10).float()
        guess[0, 3] = float("inf")
        return {"classify": guess}

    assert all(
        value != value for value in score(composition, splits.test, "test", answer)["classify"].values()
    )


def test_a_finite_model_is_not_refused(composed: tuple[Composition, Splits]) -> None:
    composition, splits = composed
    found = evaluate(composition, splits.test, "test")
    assert not found.not_finite
    found.refuse_not_finite("test")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_evaluating_weights_that_are_not_finite_ends_with_status_4(
    mtl: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    quick = ["--set", "train.batch_size=500", "--set", "encoder={name: mlp, hidden: [4]}", "--epochs", "1"]
    assert mtl("compose", "--tasks", "classify,even", *quick, "--out", "run").status == 0
    plain = CheckpointFolder.best

    def broken(self: CheckpointFolder, *arguments: Any) -> Any:
        epoch, weights = plain(self, *arguments)
        spoiled = {
            name: value * float("nan") if "heads.1" in name else value for name, value in weights.items()
        }
        return epoch, spoiled

    monkeypatch.setattr(CheckpointFolder, "best", broken)
    told = mtl("evaluate", "run", *options)
    assert (told.status, told.out) == (4, "")
    assert "error: task 'even' is not finite on the test split: the answers for 359 samples" in told.err
