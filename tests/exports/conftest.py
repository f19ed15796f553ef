"""A tiny multitask model with all that an export has to carry: normalisation, an extra input, five tasks."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtl.core.contracts import Arrays, ExportSubject, Judge, Leading, Metrics, Predict
from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.exports import onnx_model
from mtl.exports.metadata import IMAGE
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.plugins.forms import Binary, Categorical, Image, Regression

COUNT = 5
TARGETS = {
    "classify": Categorical(("cat", "dog", "owl")),
    "shade": Categorical(("dark", "grey", "light")),
    "even-odd": Binary("even", "odd"),
    "count": Regression(("squares", "circles"), "pieces"),
    "de-noise": Image(1, 8, 8),
}


class Tiny(nn.Module):
    """Normalises, convolves, reads the number, and answers four tasks."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.features = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU())
            self.dropout = nn.Dropout(0.5)
            self.classify = nn.Linear(3 * 64 + COUNT, 3)
            self.shade = nn.Linear(3 * 64, 3)
            self.parity = nn.Linear(3 * 64, 1)
            self.count = nn.Linear(3 * 64, 2)
            self.clean = nn.Conv2d(3, 1, 1)
        self.register_buffer("mean", torch.tensor([0.13]).view(1, 1, 1))

    def forward(
        self, image: Tensor, inputs: Mapping[str, Tensor], tasks: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        features = self.features((image - self.mean) / 0.3)
        flat = self.dropout(features.flatten(1))

        def classify() -> Tensor:
            number = (inputs["number"].unsqueeze(1) == torch.arange(COUNT)).float()
            return self.classify(torch.cat([flat, number], dim=1))

        answers = {
            "classify": classify,
            "shade": lambda: self.shade(flat),
            "even-odd": lambda: self.parity(flat).squeeze(1),
            "count": lambda: 3 * self.count(flat),
            "de-noise": lambda: 0.5 + 0.2 * self.clean(features),
        }
        return {task: answers[task]() for task in (tasks or answers)}


class TinyJudge(Judge):
    """Judges answers by their distance from fixed ones, near the model's own."""

    leading: ClassVar = {
        "classify": Leading("accuracy", "higher", (0.0, 1.0)),
        "shade": Leading("accuracy", "higher", (0.0, 1.0)),
        "even-odd": Leading("bce", "lower", (0.0, math.inf)),
        "count": Leading("rmse", "lower", (0.0, math.inf)),
        "de-noise": Leading("psnr", "higher", (0.0, math.inf)),
    }

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).eval()

    def training_samples(self, count: int, seed: int) -> Arrays:
        source = np.random.default_rng(seed)
        return {
            IMAGE: source.random((count, 1, 8, 8), dtype=np.float32),
            "number": source.integers(0, COUNT, count),
        }

    def measure(self, predict: Predict, tasks: Sequence[str]) -> Mapping[str, Metrics]:
        found = {}
        for split, seed in (("validation", 1), ("test", 2)):
            feed = self.training_samples(200, seed)
            truth, given = self.predict(feed), predict(feed)
            found[split] = {task: self.judged(task, given[task], truth[task]) for task in tasks}
        return found

    def reference(self) -> Mapping[str, Metrics]:
        return self.measure(self.predict, tuple(self.leading))

    def predict(self, feed: Arrays) -> Arrays:
        with torch.inference_mode():
            raw = self.model(torch.from_numpy(feed[IMAGE]), {"number": torch.from_numpy(feed["number"])})
            return {task: TARGETS[task].predict(raw[task]).numpy() for task in TARGETS}

    def judged(self, task: str, given: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
        metric = self.leading[task].metric
        if metric == "accuracy":
            return {metric: float((given.argmax(1) == truth.argmax(1)).mean())}
        error = float(np.square(given - truth - 0.1).mean())
        return {metric: -10 * math.log10(error) if metric == "psnr" else error**0.5}


def tiny_subject() -> ExportSubject:
    """Return the subject; importing this file by its path is enough, so another process can too."""
    source = np.random.default_rng(0)
    model = Tiny()
    return ExportSubject(
        model=model,
        image=ImageSpec(1, 8, 8),
        inputs=(InputSpec("number", COUNT, "a number to add"),),
        targets=TARGETS,
        samples={
            IMAGE: source.integers(0, 256, (70, 1, 8, 8), dtype=np.uint8),
            "number": source.integers(0, COUNT, 70),
        },
        metadata={
            "recipe_hash": "abc",
            "versions": {"torch": "2"},
            "test": {"classify": {"accuracy": 0.5}},
            "classes": ("a", "b"),
        },
        reads={task: frozenset({"number"} if task == "classify" else ()) for task in TARGETS},
        judge=TinyJudge(model),
    )


TRACE = onnx_model.traced


def traced_of(model: onnx_model.Exported, example: tuple[Tensor, ...], opset: int) -> tuple[object, ...]:
    """Return all that decides what is traced of a tiny model."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
    inputs = tuple((tuple(value.shape), value.dtype) for value in example)
    form = (model.pixels, model.raw, model.names, repr(model.targets), opset)
    return (repr(model), digest.digest(), inputs, *form)


@pytest.fixture(scope="session", autouse=True)
def _traced_once() -> Iterator[None]:
    """Trace a tiny model once, not hundreds of times: `traced_anew` is for tests of what tracing gives."""
    known: dict[tuple[object, ...], onnx.ModelProto] = {}

    def trace(model: nn.Module, example: tuple[Tensor, ...], opset: int) -> onnx.ModelProto:
        altered = any("forward" in vars(module) for module in model.modules())
        if type(getattr(model, "model", None)) is not Tiny or altered:
            return TRACE(model, example, opset)
        assert isinstance(model, onnx_model.Exported)
        key = traced_of(model, example, opset)
        if key not in known:
            known[key] = TRACE(model, example, opset)
        return copy.deepcopy(known[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_model, "traced", trace)
        yield


@pytest.fixture
def traced_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trace every model in this test."""
    monkeypatch.setattr(onnx_model, "traced", TRACE)


@dataclass(frozen=True)
class Exported:
    """A subject with its published file."""

    subject: ExportSubject
    path: Path


LOOSE = {"accuracy": 20.0, "bce": 20.0, "rmse": 20.0, "psnr": 3.0}
"""An untrained model is full of near ties: what the gate allows here is not what these tests are about."""


def _export(folder: Path, **options: object) -> Exported:
    subject = tiny_subject()
    OnnxExporter(**options).export(subject, folder / "model.onnx")  # type: ignore[arg-type]
    return Exported(subject, folder / "model.onnx")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return _export(tmp_path_factory.mktemp("float32"))


@pytest.fixture(scope="session")
def exported_raw(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return _export(tmp_path_factory.mktemp("raw"), raw=True)


@pytest.fixture(scope="session")
def exported_bytes(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return _export(tmp_path_factory.mktemp("uint8"), input="uint8")


@pytest.fixture(scope="session")
def exported_half(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return _export(tmp_path_factory.mktemp("float16"), precision="float16", max_drop=LOOSE)


@pytest.fixture(scope="session")
def exported_int8(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return _export(tmp_path_factory.mktemp("int8"), precision="int8", max_drop=LOOSE)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grayscale file of the size that the tiny model reads."""
    from PIL import Image as Picture

    path = tmp_path / "digit.png"
    Picture.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(path)
    return path
