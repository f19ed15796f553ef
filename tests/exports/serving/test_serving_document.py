"""What docs/serving.md says a newcomer can type works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from mtl.core.contracts import ExportSubject, no_images
from mtl.core.contracts.inputs import VectorSpec
from mtl.core.contracts.specs import NO_IMAGE, ImageSpec
from mtl.exports.inference import ExportedModel
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.plugins.forms import Categorical, Image, Regression

DOCUMENT = Path(__file__).parents[3] / "docs" / "serving.md"


class First(nn.Module):
    """Answers as the README's model does: a picture and ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, image, inputs, tasks=None):
        return {"denoise": image, "classify": self.layer(image.flatten(1))}


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("first") / "model.onnx"
    subject = ExportSubject(
        model=First(),
        image=ImageSpec(1, 28, 28),
        inputs=(),
        targets={"denoise": Image(1, 28, 28), "classify": Categorical(tuple("0123456789"))},
        samples={"image": np.zeros((2, 1, 28, 28), np.uint8)},
        metadata={},
    )
    OnnxExporter().export(subject, path)
    return path


class Prices(nn.Module):
    """Answers for rows of a number and a category; what is not known counts as 0."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, image, inputs, tasks=None):
        return {"price": self.layer(inputs["row"].nan_to_num(nan=0.0))}


@pytest.fixture(scope="module")
def prices(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("prices") / "model.onnx"
    subject = ExportSubject(
        model=Prices(),
        image=NO_IMAGE,
        inputs=(VectorSpec("row", ("area",), {"town": ("Ulm", "Bonn")}),),
        targets={"price": Regression(("price",), "EUR")},
        samples={"image": no_images(2), "row": np.float32([[72.5, 0], [31, np.nan]])},
        metadata={},
    )
    OnnxExporter().export(subject, path)
    return path


def block(name: str, port: int) -> str:
    """Return the code marked with a name, for another port."""
    match = re.search(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert match
    return match[1].replace(":8000", f":{port}")


def test_python_and_shell_of_the_document_run(first, running):
    pytest.importorskip("tritonclient.http")
    with running(f"first={first}") as server:
        command = [sys.executable, "-c", block("client", server.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() in set("0123456789")
        command = ["bash", "-euo", "pipefail", "-c", block("curl", server.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.startswith('{"name":"first"')
        assert '"model_name":"first"' in done.stdout
        assert done.stdout.count('"name":"classify"') == 2


def test_rows_of_the_document_are_answered_as_the_file_answers(prices, running):
    with running(f"prices={prices}") as server:
        command = ["bash", "-euo", "pipefail", "-c", block("rows", server.port)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = ExportedModel(prices).run(row=[{"area": 72.5, "town": "Ulm"}, {"area": 31}])["price"]
    found = json.loads(done.stdout)["outputs"][0]["data"]
    np.testing.assert_allclose(found, expected.reshape(-1), rtol=1e-5)
