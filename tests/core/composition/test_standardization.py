"""Values are learned in units of their spread, and answered in their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.standardization import Standardization
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry, discover
from mtl.core.evaluation.evaluation import evaluate
from mtl.core.evaluation.fitting import fit
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource, read_recipe
from mtl.core.running.pipeline import Pipeline, Started
from mtl.core.running.run import load_run
from mtl.plugins.heads.linear import Linear

MEASURED = Path(__file__).parents[1] / "measured.py"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def measured() -> Registry:
    return discover((MEASURED,))


def recipe_of(registry: Registry, epochs: int = 1, data: dict[str, Any] | None = None, **task: Any) -> Recipe:
    tree = {
        "dataset": {"name": "measured", **(data or {})},
        "tasks": {"value": {"task": "column", **task}, "kind": {"task": "column", "column": "kind"}},
        "encoder": {"name": "mlp", "hidden": [8]},
        "train": {"epochs": epochs, "batch_size": 8},
    }
    return read(RecipeSource(tree), registry)


def fitted(registry: Registry, data: dict[str, Any] | None = None, **task: Any) -> Composition:
    composition = compose(recipe_of(registry, data=data, **task), registry)
    fit(composition, load_splits(composition.dataset, validation=0.1, split_seed=0).train)
    return composition


def trained(registry: Registry, path: Path, **options: Any) -> Started:
    pipeline = Pipeline(registry, CPU, publishes=False)
    started = pipeline.train(pipeline.start(recipe_of(registry, **options), path))
    pipeline.finish(started)
    return started


def statistics(composition: Composition) -> tuple[list[float], list[float]]:
    (found,) = composition.model.standardizations
    assert isinstance(found, Standardization)
    return found.mean.tolist(), found.std.tolist()


def test_mean_and_deviation_are_those_of_the_training_labels_that_are_there(measured: Registry) -> None:
    composition = fitted(measured, {"scale": 1000.0, "shift": 5000.0})
    labels = load_splits(composition.dataset, validation=0.1, split_seed=0).train.labels["value"]
    there = labels[~labels.isnan()].double()
    mean = there.sum() / len(there)
    deviation = ((there - mean).square().sum() / len(there)).sqrt()
    assert statistics(composition) == (
        [pytest.approx(float(mean), rel=1e-6)],
        [pytest.approx(float(deviation), rel=1e-6)],
    )


def test_the_model_answers_in_the_values_units(measured: Registry) -> None:
    composition = fitted(measured, standardize={"mean": [50.0], "std": [20.0]})
    model = composition.model.eval()
    image = torch.rand(3, 1, 12, 12)
    heads: list[torch.Tensor] = []
    model.head("value").register_forward_hook(lambda *found: heads.append(found[2]))
    torch.testing.assert_close(model(image)["value"], 50.0 + 20.0 * heads[0])
    torch.testing.assert_close(model.predict(image)["value"], 50.0 + 20.0 * heads[0])


def test_the_loss_is_in_units_of_the_spread(measured: Registry) -> None:
    composition = fitted(measured, standardize={"mean": [50.0], "std": [20.0]}, loss="mse")
    raw, target = torch.tensor([[60.0]]), torch.tensor([[100.0]])
    assert composition.tasks["value"].loss(raw, target).tolist() == [4.0]  # (40 / 20)^2


def test_none_leaves_model_and_loss_as_they_are(measured: Registry) -> None:
    composition = fitted(measured, standardize="none", loss="mse")
    assert not list(composition.model.standardizations)
    assert composition.tasks["value"].loss(torch.tensor([[60.0]]), torch.tensor([[100.0]])).tolist() == [
        1600.0
    ]


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1e9, -3e9), (300.0, 5500.0)])
def test_what_is_learned_does_not_depend_on_the_units(
    measured: Registry, tmp_path: Path, scale: float, shift: float
) -> None:
    plain = trained(measured, tmp_path / "plain").history[0]
    scaled = trained(measured, tmp_path / "scaled", data={"scale": scale, "shift": shift}).history[0]
    for task in ("value", "kind"):
        assert scaled[f"train/{task}/loss"] == pytest.approx(plain[f"train/{task}/loss"], rel=2e-3)
    rmse = "validation/value/rmse"
    assert scaled[rmse] == pytest.approx(abs(scale) * plain[rmse], rel=2e-3)


@pytest.mark.parametrize("constant", [0.0, 0.1, 5000.0, 1e9])
def test_a_value_that_never_changes_is_learned_at_once(measured: Registry, constant: float) -> None:
    composition = fitted(measured, {"constant": constant})
    mean, std = statistics(composition)
    assert (mean[1], std[1]) == (pytest.approx(constant), 1.0)
    splits = load_splits(composition.dataset, validation=0.1, split_seed=0)
    assert evaluate(composition, splits.test, "test").metrics["value"]["loss"] < 10


def test_a_head_may_answer_in_units_of_its_own(
    measured: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Linear, "answers_in_units", True)
    started = trained(measured, tmp_path / "run", data={"scale": 1000.0}, head="linear", loss="mse")
    model = started.composition.model.eval()
    heads: list[torch.Tensor] = []
    model.head("value").register_forward_hook(lambda *found: heads.append(found[2]))
    answer = model(torch.rand(3, 1, 12, 12))["value"]
    assert torch.equal(answer, heads[0])
    # The loss compares in units of the spread all the same, and a loaded run's too.
    loaded = load_run(tmp_path / "run", measured).composition
    for composition in (started.composition, loaded):
        loss = composition.tasks["value"].loss(torch.tensor([[1000.0]]), torch.tensor([[0.0]]))
        assert float(loss) == pytest.approx(1 / 0.27**2, rel=0.3)


def test_a_resumed_and_a_loaded_model_have_the_same_statistics(measured: Registry, tmp_path: Path) -> None:
    started = trained(measured, tmp_path / "run", epochs=1, data={"scale": 1000.0})
    kept = statistics(started.composition)
    run = load_run(tmp_path / "run", measured)
    assert statistics(run.composition) == kept
    before = evaluate(started.composition, started.splits.test, "test").metrics
    assert run.evaluate() == before
    restarted = Pipeline(measured, CPU).restart(
        run.folder, read(read_recipe(tmp_path / "run/recipe.yaml"), measured)
    )
    assert statistics(restarted.composition) == kept


def test_a_model_from_before_there_was_a_standardisation_answers_as_it_did(measured: Registry) -> None:
    old = compose(recipe_of(measured, standardize="none"), measured).model.eval()
    new = fitted(measured, {"scale": 1000.0}).model.eval()
    new.load_state_dict(old.state_dict())
    image = torch.rand(2, 1, 12, 12)
    torch.testing.assert_close(new(image)["value"], old(image)["value"])


def test_a_complete_recipe_says_how(measured: Registry) -> None:
    composition = compose(recipe_of(measured), measured)
    assert composition.recipe.to_plain()["tasks"]["value"]["standardize"] == "train"
    assert "standardize" not in composition.recipe.to_plain()["tasks"]["kind"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("trian", "task 'value': standardize must be train, none, or {mean: [...], std: [...]}, got 'trian'"),
        ({"mean": [0.0], "std": [0.0]}, "standardize must be train, none"),
        ({"mean": [1e39], "std": [1.0]}, "standardize must be train, none"),
        ({"mean": [0.0], "std": [1e-60]}, "standardize must be train, none"),
        ({"mean": [0.0, 1.0], "std": [1.0, 1.0]}, "needs `standardize` with 1 means and as many stds"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(measured: Registry, value: Any, message: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        compose(recipe_of(measured, standardize=value), measured)
    assert message in str(refusal.value)


def test_classes_are_not_standardised(measured: Registry) -> None:
    with pytest.raises(
        RecipeError, match="has `standardize`, which is for values; its answer is categorical"
    ):
        compose(recipe_of(measured, column="kind", standardize="train"), measured)
