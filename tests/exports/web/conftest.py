"""The page in a real Chromium, served by Python's own static file server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mtl.core.base.errors import MissingRequirementError
from mtl.core.contracts import ExportSubject, no_images
from mtl.core.contracts.inputs import VectorSpec
from mtl.core.contracts.specs import NO_IMAGE, ImageSpec
from mtl.exports.web.exporter import WebExporter
from mtl.exports.web.runtime import runtime_files
from mtl.plugins.forms import (
    Binary,
    Categorical,
    Image,
    Multilabel,
    Ordinal,
    PixelClasses,
    PixelValues,
    Points,
    Regression,
)

from ...chromium import chromium


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with onnxruntime-web's files; the tests that need it are skipped when it cannot be had."""
    try:
        files = runtime_files()
    except MissingRequirementError as error:
        pytest.skip(error.message)
    folder = tmp_path_factory.mktemp("dist")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def page(exported, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the tiny model: every form of answer, an extra input, 8 x 8 grey."""
    path = tmp_path_factory.mktemp("web") / "page"
    WebExporter(runtime=str(runtime)).export(exported.subject, path)
    return path


class Colours(nn.Module):
    """Answers for colour images that are no squares: 30 classes, yes or no, a picture of another size."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Linear(3 * 6 * 10, 30)
        self.bright = nn.Linear(3 * 6 * 10, 1)

    def forward(self, image: Any, inputs: Any, tasks: Any = None) -> dict[str, Any]:
        flat = image.flatten(1)
        return {
            "kind": self.classes(flat),
            "bright": self.bright(flat).squeeze(1),
            "half": image[:, :, ::2, ::2],
        }


@pytest.fixture(scope="session")
def colour_page(runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    subject = ExportSubject(
        model=Colours(),
        image=ImageSpec(3, 6, 10),
        inputs=(),
        targets={
            "kind": Categorical(tuple(f"kind number {index}" for index in range(30))),
            "bright": Binary("bright", "dark"),
            "half": Image(3, 3, 5),
        },
        samples={"image": np.random.default_rng(1).integers(0, 256, (9, 3, 6, 10), dtype=np.uint8)},
        metadata={
            "test_metrics": {"kind": {"loss": 1.0, "accuracy": 0.25, "f1": 0.5}},
            "recipe": {"tasks": {"kind": {"metrics": [{"name": "f1"}, {"name": "accuracy"}]}}},
        },
    )
    path = tmp_path_factory.mktemp("colours") / "page"
    WebExporter(runtime=str(runtime), samples=4).export(subject, path)
    return path


class Places(nn.Module):
    """Answers in the forms that have a place in the picture, and with tags: what it sees, moved about."""

    def forward(self, image: Any, inputs: Any, tasks: Any = None) -> dict[str, Any]:
        brightness = image.mean((1, 2, 3))
        red, green, blue = image.unbind(1)
        flat = image.flatten(1)
        corners = torch.stack([flat[:, :3], flat[:, -3:]], 1)
        return {
            "things": torch.stack([brightness - 0.9, brightness - 0.1, image.amax((1, 2, 3)) - 0.5], 1) * 9,
            "ground": 6 * torch.stack([red, green, blue], 1),
            "depth": 2 + 3 * image[:, :1],
            "eyes": torch.cat([0.2 + 0.6 * corners[..., :2], 40 * (corners[..., 2:] - 0.3)], 2),
            "size": 3 * torch.stack([brightness, 2 * brightness, 1 - brightness], 1),
        }


@pytest.fixture(scope="session")
def places_subject() -> ExportSubject:
    ramp = np.linspace(0, 255, 12 * 16).reshape(12, 16)
    pictures = np.stack([np.stack([ramp, ramp[::-1], ramp[:, ::-1]]), np.stack([ramp[:, ::-1], ramp, ramp])])
    return ExportSubject(
        model=Places(),
        image=ImageSpec(3, 12, 16),
        inputs=(),
        targets={
            "things": Multilabel(("cloud", "tree", "light")),
            "ground": PixelClasses(("sky", "field", "water"), 12, 16),
            "depth": PixelValues(("depth",), 12, 16, "m"),
            "eyes": Points(("left eye", "right eye")),
            "size": Ordinal(("small", "middle", "large")),
        },
        samples={"image": pictures.astype(np.uint8)},
        metadata={},
    )


@pytest.fixture(scope="session")
def places_page(places_subject: ExportSubject, runtime: Path, tmp_path_factory: Any) -> Path:
    """The page of a model that answers with tags, masks, maps, points and an order of classes."""
    path = tmp_path_factory.mktemp("places") / "page"
    WebExporter(runtime=str(runtime)).export(places_subject, path)
    return path


ROW = VectorSpec("row", ("area", "7"), {"town": ("Ulm", "Bonn")})


class Rows(nn.Module):
    """Answers for rows alone: a price, and which of two; holes count as 0."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, image: Any, inputs: Any, tasks: Any = None) -> dict[str, Any]:
        found = self.layer(inputs["row"].nan_to_num(nan=0.0))
        return {"price": found[:, :1], "side": found[:, 1:]}


@pytest.fixture(scope="session")
def row_subject() -> ExportSubject:
    rows = np.float32([[1.5, 2.0, 0.0], [0.1, np.nan, 1.0], [-3.25, 1e-3, np.nan]])
    return ExportSubject(
        model=Rows(),
        image=NO_IMAGE,
        inputs=(ROW,),
        targets={"price": Regression(("price",), "EUR"), "side": Categorical(("left", "right"))},
        samples={"image": no_images(len(rows)), "row": rows},
        metadata={},
    )


@pytest.fixture(scope="session")
def row_page(row_subject: ExportSubject, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a model that reads rows: two numbers, one called by a number, and a category."""
    path = tmp_path_factory.mktemp("rows") / "page"
    WebExporter(runtime=str(runtime)).export(row_subject, path)
    return path


@dataclass(frozen=True)
class Site:
    """A static file server, and every path it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def site() -> Iterator[Any]:
    """Return a function that serves a folder."""
    servers = []

    def serve(folder: Path) -> Site:
        asked: list[str] = []

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return Site(f"http://127.0.0.1:{server.server_port}/", asked)

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium; the tests that need it are skipped where there is none."""
    yield from chromium(tmp_path_factory, "disable-gpu")


@pytest.fixture(scope="session")
def browser_with_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One that offers WebGPU, computed by its own software."""
    yield from chromium(tmp_path_factory, "enable-unsafe-webgpu", "use-webgpu-adapter=swiftshader")
