"""A file becomes the same numbers in training, prediction, serving and a bundle's own code."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.exports.bundle.exporter import BundleExporter
from mtl.exports.images import picture_in
from mtl.exports.inference import ExportedModel
from mtl.plugins.datasets.image_files import ImageFile, read_images

from .conftest import tiny_subject

MODES = {
    "PNG": ("1", "L", "LA", "RGB", "RGBA", "P", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("P", "L"),
    "BMP": ("L", "RGB"),
    "TIFF": ("L", "RGB", "CMYK", "I;16"),
}
FORMATS = st.sampled_from([(form, mode) for form, modes in MODES.items() for mode in modes])
SIDES = st.integers(1, 24)
PREPARATIONS = st.builds(
    Preparation,
    st.builds(ImageSpec, st.sampled_from((1, 3)), SIDES, SIDES),
    st.sampled_from(("stretch", "crop", "pad", "fit")),
    st.sampled_from(("nearest", "bilinear", "bicubic", "lanczos")),
    st.sampled_from(("exif", "stored")),
    st.sampled_from((1.0, 0.875, 0.5)),
    st.integers(0, 255),
)


def saved(form: str, mode: str, height: int, width: int, orientation: int) -> bytes:
    source = np.random.default_rng(height * 100 + width)
    if mode == "I;16":
        picture = Image.fromarray(source.integers(0, 65536, (height, width), dtype=np.uint16))
    elif mode == "P":
        picture = Image.fromarray(source.integers(0, 256, (height, width, 3), dtype=np.uint8)).quantize(8)
    else:
        bands = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
        pixels = source.integers(0, 256, (height, width, bands), dtype=np.uint8)
        picture = Image.frombytes(mode, (width, height), pixels.tobytes()) if mode != "1" else None
        picture = picture or Image.fromarray(pixels[..., 0] > 99)
    stream = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(stream, form, **({"exif": exif} if form in ("PNG", "JPEG", "WEBP", "TIFF") else {}))
    return stream.getvalue()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """A bundle of a model that says how pictures are prepared."""
    path = tmp_path_factory.mktemp("bundle") / "tiny"
    subject = tiny_subject().only(["shade", "de-noise"])
    stated = Preparation(subject.image, "crop", "bicubic").to_json() | {"mean": [0.0], "std": [1.0]}
    BundleExporter().export(replace(subject, metadata={**subject.metadata, "preparation": stated}), path)
    return path


@pytest.fixture(scope="module")
def code(bundle) -> Any:
    """The Python code in the bundle, as a module of its own."""
    spec = spec_from_file_location("pictures_of_a_bundle", bundle / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@settings(max_examples=120, deadline=None)
@given(FORMATS, SIDES, SIDES, st.integers(1, 8), PREPARATIONS)
def test_training_prediction_serving_and_a_bundle_make_identical_tensors(
    code, kind, height, width, orientation, preparation
):
    pictures = pytest.importorskip("mtl.exports.serving.pictures", reason="needs the extra serve")
    content = saved(*kind, height, width, orientation)
    trained = read_images([ImageFile("a", lambda: content)], preparation)[0]
    predicted, size = picture_in(content, "a", preparation)
    assert trained.tobytes() == predicted.tobytes()
    assert code.prepared(content, preparation.to_json()).tobytes() == trained.tobytes()
    # In TIFF files the orientation is part of the format; GIF and BMP files have none.
    says = orientation > 4 and kind[0] not in ("GIF", "BMP")
    turned = says and (preparation.orientation == "exif" or kind[0] == "TIFF")
    assert size == ((width, height) if turned else (height, width))
    if kind[0] in pictures.FORMATS:
        decoder = pictures.Pictures(1, 10**6, 30.0)
        (served,) = asyncio.run(decoder.prepared([content], preparation))
        decoder.close()
        assert served.tobytes() == trained.tobytes()


def answers(output: str) -> dict[str, float]:
    return {line.split("\t")[0]: float(line.split("\t")[-1]) for line in output.splitlines()}


def code_of(folder: Path, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def expected(bundle: Path, content: bytes) -> dict[str, float]:
    model = ExportedModel(bundle / "model.onnx")
    pixels, _ = picture_in(content, "a", model.card.preparation)
    found = model.run(pixels[None])
    return {"shade": float(found["shade"].max()), "de-noise": float(found["de-noise"].mean())}


def test_the_python_code_of_a_bundle_answers_for_a_picture_file(bundle, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(saved("PNG", "RGB", 20, 30, 6))
    command = [sys.executable, "-c", code_of(bundle, "python"), str(path)]
    ended = subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert answers(ended.stdout) == pytest.approx(expected(bundle, path.read_bytes()), abs=1e-4)


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the JavaScript needs; skips where that cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: the JavaScript of a bundle was not run on a picture")
    folder = tmp_path_factory.mktemp("node")
    packages = ["onnxruntime-node@1.30.0", "sharp@0.33"]
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=180)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"what the JavaScript needs cannot be installed here: {error}")
    return folder / "node_modules"


@pytest.mark.slow
def test_the_javascript_code_of_a_bundle_answers_for_a_picture_file(bundle, node_modules, tmp_path):
    (tmp_path / "main.js").write_text(code_of(bundle, "js"))
    (tmp_path / "node_modules").symlink_to(node_modules)
    for name, kind in {"a.png": ("PNG", "RGB"), "b.png": ("PNG", "L"), "c.webp": ("WEBP", "RGB")}.items():
        path = tmp_path / name
        path.write_bytes(saved(*kind, 20, 30, 6))
        command = ["node", str(tmp_path / "main.js"), str(path)]
        ended = subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert answers(ended.stdout) == pytest.approx(expected(bundle, path.read_bytes()), abs=0.02)


def test_a_bundle_without_a_preparation_has_no_code_for_files(tmp_path):
    BundleExporter().export(tiny_subject().only(["shade"]), tmp_path / "tiny")
    assert not (tmp_path / "tiny" / "pictures.py").exists()
    assert "argv" not in code_of(tmp_path / "tiny", "python")
    assert "preparation" not in json.loads((tmp_path / "tiny" / "mtl.json").read_text())["model"]
