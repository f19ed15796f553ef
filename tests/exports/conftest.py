"""A tiny multitask model with all that an export has to carry: normalisation, an extra input, five tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mtl.core.contracts import ExportSubject
from mtl.core.specs import Binary, Categorical, Image, ImageSpec, InputSpec, Regression
from mtl.exports.metadata import IMAGE
from mtl.exports.onnx_exporter import OnnxExporter

COUNT = 5


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

    def forward(self, image: Tensor, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        features = self.features((image - self.mean) / 0.3)
        flat = self.dropout(features.flatten(1))
        number = (inputs["number"].unsqueeze(1) == torch.arange(COUNT)).float()
        return {
            "classify": self.classify(torch.cat([flat, number], dim=1)),
            "shade": self.shade(flat),
            "even-odd": self.parity(flat).squeeze(1),
            "count": 3 * self.count(flat),
            "de-noise": 0.5 + 0.2 * self.clean(features),
        }


def tiny_subject() -> ExportSubject:
    """Return the subject; importing this file by its path is enough, so another process can too."""
    source = np.random.default_rng(0)
    return ExportSubject(
        model=Tiny(),
        image=ImageSpec(1, 8, 8),
        inputs=(InputSpec("number", COUNT, "a number to add"),),
        targets={
            "classify": Categorical(("cat", "dog", "owl")),
            "shade": Categorical(("dark", "grey", "light")),
            "even-odd": Binary("even", "odd"),
            "count": Regression(("squares", "circles"), "pieces"),
            "de-noise": Image(1, 8, 8),
        },
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
    )


@dataclass(frozen=True)
class Exported:
    """A subject with its published file."""

    subject: ExportSubject
    path: Path


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


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grayscale file of the size that the tiny model reads."""
    from PIL import Image as Picture

    path = tmp_path / "digit.png"
    Picture.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(path)
    return path
