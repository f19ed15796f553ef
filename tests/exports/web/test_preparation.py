"""JavaScript prepares decoded pictures as Python does: any size, way, interpolation and transparency."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.picture_pixels import prepared
from mtl.exports.web import exporter

NODE = shutil.which("node")
MODULE = Path(exporter.__file__).parent / "assets" / "preparation.js"
PROGRAM = """
import fs from "node:fs";
const { prepared } = await import(process.argv[1]);
const cases = JSON.parse(fs.readFileSync(0, "utf-8"));
const answers = cases.map(({ rgba, width, height, preparation }) => {
  try {
    return Array.from(prepared({ data: Uint8Array.from(rgba), width, height }, preparation));
  } catch (error) {
    return error.message;
  }
});
console.log(JSON.stringify(answers));
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="needs node")


def drawn(source: np.random.Generator) -> tuple[np.ndarray, Preparation]:
    """Return a picture, RGBA `[H, W, 4]`, and how it is prepared: both drawn at random."""
    height, width, high, wide = source.integers(1, 40, 4).tolist()
    pixels = source.integers(0, 256, (height, width, 4), dtype=np.uint8)
    if source.random() < 0.6:
        pixels[..., 3] = 255
    way = source.choice(["stretch", "crop", "pad", "fit"]).item()
    image = ImageSpec(int(source.choice([1, 3])), high, wide)
    interpolation = source.choice(["nearest", "bilinear", "bicubic", "lanczos"]).item()
    share = float(source.choice([1.0, 0.875, 224 / 232, 0.5])) if way == "crop" else 1.0
    return pixels, Preparation(image, way, interpolation, share=share, fill=int(source.integers(256)))


def in_javascript(cases: list[tuple[np.ndarray, dict[str, object]]]) -> list[object]:
    sent = [
        {
            "rgba": pixels.reshape(-1).tolist(),
            "height": pixels.shape[0],
            "width": pixels.shape[1],
            "preparation": preparation,
        }
        for pixels, preparation in cases
    ]
    command = [str(NODE), "--input-type=module", "-e", PROGRAM, MODULE.as_uri()]
    ended = subprocess.run(
        command, input=json.dumps(sent), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: list[object] = json.loads(ended.stdout)
    return found


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def test_the_numbers_are_those_of_python_to_the_last_bit():
    source = np.random.default_rng(0)
    cases = [drawn(source) for _ in range(300)]
    found = in_javascript([(pixels, stated.to_json() | {"range": [0, 255]}) for pixels, stated in cases])
    for (pixels, stated), values in zip(cases, found, strict=True):
        expected = prepared(png(pixels), stated.to_json())
        assert values == expected.reshape(-1).tolist(), (pixels.shape, stated)


def test_numbers_in_0_to_1_are_those_bytes_divided():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    stated = Preparation(ImageSpec(3, 9, 4), "pad").to_json()
    (found,) = in_javascript([(pixels, stated | {"range": [0, 1]})])
    expected = prepared(png(pixels), stated) / np.float32(255)
    assert np.float32(found).tolist() == expected.reshape(-1).tolist()


def test_another_size_and_a_picture_too_long_are_refused_in_the_same_words():
    exact = Preparation(ImageSpec(1, 2, 3)).to_json()
    long = Preparation(ImageSpec(1, 224, 224), "crop").to_json()
    found = in_javascript([(np.zeros((2, 2, 4), np.uint8), exact), (np.zeros((1, 3000, 4), np.uint8), long)])
    assert found[0] == "is 2 x 2 pixels; the model reads 3 x 2"
    assert str(found[1]).startswith("is 3000 x 1 pixels: too long to be cropped")
