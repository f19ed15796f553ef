"""A visitor's own file becomes in the browser what it becomes in Python, within 1/255."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtl.core.contracts import Preparation
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.picture_pixels import prepared
from mtl.exports.web.exporter import WebExporter

pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
from selenium.webdriver.common.by import By

CARD = "const [done] = arguments; fetch('card.json').then((answer) => answer.text()).then(done)"
SEEN = """
return Array.from(document.getElementById("seen").getContext("2d").getImageData(0, 0, 8, 8).data)
"""
SCRIPT = """
const [bytes, preparation, done] = arguments;
(async () => {
  const { decoded } = await import("./photo.js");
  const { prepared } = await import("./preparation.js");
  const file = new Blob([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))]);
  return Array.from(prepared(await decoded(file, preparation), preparation));
})().then(done, (error) => done(String(error)));
"""


@pytest.fixture(scope="module")
def opened(exported, runtime, browser, site, tmp_path_factory):
    """A page whose model says how pictures are prepared."""
    path = tmp_path_factory.mktemp("photo") / "page"
    subject = exported.subject
    stated = Preparation(subject.image, "crop").to_json() | {"mean": [0.0], "std": [1.0]}
    WebExporter(runtime=str(runtime)).export(
        replace(subject, metadata={**subject.metadata, "preparation": stated}), path
    )
    browser.get(site(path).url)
    wait(browser, "state", "ready")
    return browser


def wait(browser, name, value):
    deadline = time.monotonic() + 60
    while browser.execute_script(f"return document.body.dataset.{name}") != value:
        assert time.monotonic() < deadline, browser.find_element(By.CSS_SELECTOR, "body").text
        time.sleep(0.02)


def drawn(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Return a picture with slopes and edges, as photographs have them."""
    y, x = np.mgrid[:height, :width]
    planes = [128 + 90 * np.sin(x / 5 + plane) + 30 * np.sign(y - height / 2) for plane in range(3)]
    alpha = [255 * x / width] if channels == 4 else []
    return np.stack([*planes, *alpha], axis=2).clip(0, 255).astype(np.uint8)


def saved(picture: Image.Image, form: str, orientation: int = 1, **options: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = BytesIO()
    picture.save(stream, form, exif=exif, **options)
    return stream.getvalue()


CASES = {
    "colour.png": saved(Image.fromarray(drawn(40, 60)), "PNG"),
    "grey.png": saved(Image.fromarray(drawn(33, 20)[..., 0]), "PNG"),
    "palette.png": saved(Image.fromarray(drawn(30, 40)).quantize(16), "PNG"),
    "transparent.png": saved(Image.fromarray(drawn(40, 60, 4)), "PNG"),
    "photo.jpg": saved(Image.fromarray(drawn(48, 64)), "JPEG", quality=90),
    "grey.jpg": saved(Image.fromarray(drawn(48, 64)[..., 1]), "JPEG"),
    "turned.jpg": saved(Image.fromarray(drawn(48, 64)), "JPEG", 6),
    "mirrored.jpg": saved(Image.fromarray(drawn(48, 64)), "JPEG", 7),
    "turned.png": saved(Image.fromarray(drawn(40, 60)), "PNG", 8),
    "turned.webp": saved(Image.fromarray(drawn(40, 60)), "WEBP", 5, lossless=True),
    "lossless.webp": saved(Image.fromarray(drawn(40, 60)), "WEBP", lossless=True),
    "lossy.webp": saved(Image.fromarray(drawn(40, 60)), "WEBP", quality=90),
}


@pytest.mark.parametrize("colour", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_the_pixels_are_those_of_python_within_a_255th(opened, name, colour):
    content = CASES[name]
    for way in ("stretch", "crop", "pad", "fit"):
        image = Preparation(ImageSpec(colour, 13, 17), way, fill=9)
        stated = image.to_json() | {"range": [0, 1]}
        found = opened.execute_async_script(SCRIPT, base64.b64encode(content).decode(), stated)
        assert isinstance(found, list), found
        expected = prepared(content, stated).reshape(-1) / 255
        assert np.abs(np.float64(found) - expected).max() <= 1 / 255 + 1e-6, way


@pytest.mark.parametrize("name", ["turned.jpg", "mirrored.jpg", "turned.png", "turned.webp"])
def test_a_picture_is_left_as_it_is_stored_where_that_is_said(opened, name):
    stated = Preparation(ImageSpec(3, 13, 17), "pad", orientation="stored").to_json() | {"range": [0, 1]}
    found = opened.execute_async_script(SCRIPT, base64.b64encode(CASES[name]).decode(), stated)
    expected = prepared(CASES[name], stated).reshape(-1) / 255
    assert np.abs(np.float64(found) - expected).max() <= 1 / 255 + 1e-6


@pytest.mark.parametrize("field", ["file", "photo"])
def test_a_file_that_is_chosen_or_taken_is_put_before_the_model(opened, tmp_path: Path, field):
    path = tmp_path / "colour.png"
    path.write_bytes(CASES["colour.png"])
    before = int(opened.execute_script("return document.body.dataset.file ?? 0"))
    opened.find_element(By.ID, field).send_keys(str(path))
    wait(opened, "file", str(before + 1))
    wait(opened, "state", "ready")
    assert opened.find_element(By.ID, "file-note").text == "60 x 40 pixels, scaled and cropped to 8 x 8."
    card = json.loads(opened.execute_async_script(CARD))
    expected = prepared(CASES["colour.png"], card["preparation"])
    shown = np.array(opened.execute_script(SEEN)).reshape(8, 8, 4)[..., 0]
    assert np.abs(shown - expected[0].astype(int)).max() <= 1


def test_what_is_no_picture_is_told(opened, tmp_path: Path):
    path = tmp_path / "text.png"
    path.write_text("no picture")
    before = int(opened.execute_script("return document.body.dataset.file ?? 0"))
    opened.find_element(By.ID, "file").send_keys(str(path))
    wait(opened, "file", str(before + 1))
    assert opened.find_element(By.ID, "file-note").text.startswith("text.png cannot be used:")


def test_the_camera_is_offered_where_fingers_point_and_fits_a_phone(opened):
    camera = opened.find_element(By.CSS_SELECTOR, ".camera")
    assert not camera.is_displayed()
    screen = {"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    opened.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        assert camera.is_displayed()
        assert opened.find_element(By.ID, "photo").get_attribute("capture") == "environment"
        assert opened.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        opened.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
