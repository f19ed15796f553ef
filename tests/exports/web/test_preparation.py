"""JavaScript prepares decoded pictures as Python does: any size, way, interpolation and transparency."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

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


TURNING = """
import fs from "node:fs";
const { upright, withoutExif } = await import(process.argv[1]);
const { files, picture } = JSON.parse(fs.readFileSync(0, "utf-8"));
const data = Uint8ClampedArray.from(picture.rgba);
const turned = [1, 2, 3, 4, 5, 6, 7, 8].map((way) => [...upright({ ...picture, data }, way).data]);
const said = files.map((file) => withoutExif(Uint8Array.from(Buffer.from(file, "base64"))).orientation);
console.log(JSON.stringify({ turned, said }));
"""


def turning(files: list[bytes], pixels: np.ndarray) -> dict[str, list[object]]:
    picture = {"rgba": pixels.reshape(-1).tolist(), "height": pixels.shape[0], "width": pixels.shape[1]}
    sent = {"files": [base64.b64encode(one).decode() for one in files], "picture": picture}
    command = [str(NODE), "--input-type=module", "-e", TURNING, MODULE.with_name("exif.js").as_uri()]
    ended = subprocess.run(
        command, input=json.dumps(sent), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, list[object]] = json.loads(ended.stdout)
    return found


def oriented(number: int, form: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = number
    stream = BytesIO()
    Image.new("RGB", (3, 2)).save(stream, form, exif=exif)
    return stream.getvalue()


def test_orientations_are_read_and_applied_as_pillow_does():
    pixels = np.random.default_rng(2).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    files = [oriented(number, form) for form in ("JPEG", "PNG", "WEBP") for number in range(1, 9)]
    found = turning(files, pixels)
    assert found["said"] == [*range(1, 9)] * 3
    for number, values in enumerate(found["turned"], 1):
        picture = Image.fromarray(pixels)
        picture.getexif()[0x0112] = number
        assert values == np.asarray(ImageOps.exif_transpose(picture)).reshape(-1).tolist(), number


def test_damaged_files_say_nothing_and_end_nothing():
    source = np.random.default_rng(3)
    files = []
    for number in range(600):
        content = bytearray(oriented(6, ("JPEG", "PNG", "WEBP")[number % 3]))
        for place in source.integers(0, len(content), 5):
            content[place] = source.integers(256)
        files.append(bytes(content[: source.integers(len(content) + 1)]))
    assert set(turning(files, np.zeros((1, 1, 4), np.uint8))["said"]) <= set(range(1, 9))
