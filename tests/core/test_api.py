"""From Python: the same job, names and options as the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import mtl


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> mtl.Run:
    return mtl.compose(
        tasks={"digit": {"task": "classify"}, "even": {"task": "multiple-of", "of": 2}},
        encoder={"name": "mlp", "hidden": [16]},
        epochs=2,
        set={"train.validation": 0.5},
        out=tmp_path_factory.mktemp("api") / "run",
        device="cpu",
    )


def test_metrics_are_those_of_the_folder(run: mtl.Run) -> None:
    assert 0.3 < run.metrics["test"]["digit"]["accuracy"] <= 1
    assert run.evaluate("test") == run.metrics["test"]


def test_the_model_gives_a_dict_by_task(run: mtl.Run) -> None:
    image = torch.rand(3, 1, 28, 28)
    assert isinstance(run.model, torch.nn.Module)
    assert {name: tuple(raw.shape) for name, raw in run.model(image).items()} == {
        "digit": (3, 10),
        "even": (3,),
    }
    assert torch.allclose(run.model.predict(image)["digit"].sum(dim=1), torch.ones(3))


def test_a_loaded_run_has_the_same_model(run: mtl.Run) -> None:
    image = torch.rand(3, 1, 28, 28)
    loaded = mtl.load(run.path)
    assert torch.equal(run.model(image)["digit"], loaded.model(image)["digit"])
    assert loaded.evaluate("validation") == run.metrics["validation"]


def test_an_export_computes_what_the_model_computes(run: mtl.Run, tmp_path: Path) -> None:
    report = run.export(tmp_path / "raw.onnx", raw=True)
    assert report.verification["passed"] is True
    image = np.random.default_rng(0).random((5, 1, 28, 28), dtype=np.float32)
    session = onnxruntime.InferenceSession(str(report.files[0]))
    raw = session.run(["digit"], {"image": image})[0]
    np.testing.assert_allclose(raw, run.model(torch.from_numpy(image))["digit"].detach(), atol=1e-4)


def test_a_mistake_names_the_argument(tmp_path: Path) -> None:
    with pytest.raises(mtl.errors.RecipeError) as caught:
        mtl.compose(tasks=["classify"], encoder="lenett", set={"train.epochs": 0}, out=tmp_path / "x")
    assert "--encoder: unknown encoder 'lenett'" in str(caught.value)
    assert "set['train.epochs']: train: option 'epochs'" in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'composed'"):
        mtl.composed  # noqa: B018
