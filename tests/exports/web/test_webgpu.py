"""A page with WebGPU computes the same numbers by it, and by WebAssembly where it cannot, and says which."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from mtl.core.base.errors import MissingRequirementError
from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE
from mtl.exports.web.exporter import WebExporter
from mtl.exports.web.runtime import WEBGPU_FILES, runtime_files

PATIENCE = 120.0
OFFERS = "Object.defineProperty(navigator, 'gpu', {value: {requestAdapter: async () => ({})}})"


@pytest.fixture(scope="module")
def half(exported, runtime, tmp_path_factory) -> Path:
    """A page whose files for WebGPU are nonsense."""
    folder = tmp_path_factory.mktemp("half")
    shutil.copytree(runtime, folder / "dist")
    for name in WEBGPU_FILES:
        (folder / "dist" / name).write_text("nonsense(")
    WebExporter(runtime=str(folder / "dist"), webgpu=True).export(exported.subject, folder / "page")
    return folder / "page"


@pytest.fixture(scope="module")
def whole(exported, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    try:
        runtime_files(webgpu=True)
    except MissingRequirementError as error:
        pytest.skip(error.message)
    WebExporter(webgpu=True).export(exported.subject, folder / "page")
    return folder / "page"


def opened(browser, url):
    """Open a page and return what it says that computes."""
    browser.get(url)
    end = time.monotonic() + PATIENCE
    while browser.execute_script("return document.body.dataset.state") != "ready":
        assert time.monotonic() < end, browser.execute_script("return document.body.innerText")
        time.sleep(0.05)
    return browser.execute_script("return document.getElementById('engine').textContent")


def outputs(browser, index):
    """Pick a real image and return the answers to it."""
    browser.execute_script(
        "document.getElementById('numbers').open = true;"
        "document.querySelectorAll('#samples button')[arguments[0]].click()",
        index,
    )
    end = time.monotonic() + PATIENCE
    while browser.execute_script("return document.body.dataset.state") != "ready":
        assert time.monotonic() < end
        time.sleep(0.02)
    text = browser.execute_script("return document.getElementById('json').textContent")
    return {name: np.float32(values) for name, values in json.loads(text)["outputs"].items()}


def test_where_the_browser_has_none_webassembly_computes_and_the_page_says_so(browser, half, site):
    served = site(half)
    said = opened(browser, served.url)
    assert said == "Computed by WebAssembly, for WebGPU cannot be used: this browser offers none here."
    # What cannot be used is not fetched: it is the larger part of the folder.
    assert not [path for path in served.asked if "webgpu" in path or "asyncify" in path]


def test_where_it_fails_webassembly_computes_and_the_page_says_so(browser, half, site):
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": OFFERS})
    try:
        said = opened(browser, site(half).url)
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    assert said.startswith("Computed by WebAssembly, for WebGPU cannot be used: ")


@pytest.mark.slow
def test_the_numbers_of_webgpu_are_those_of_onnxruntime_in_python(browser_with_gpu, whole, exported, site):
    said = opened(browser_with_gpu, site(whole).url)
    assert said.startswith("Computed by WebGPU, checked against onnxruntime: largest difference ")
    subject = exported.subject
    for index in range(12):
        extra = {spec.name: subject.samples[spec.name][index : index + 1] for spec in subject.inputs}
        pixels = subject.samples[IMAGE][index : index + 1]
        expected = ExportedModel(whole / "model.onnx").run(pixels, **extra)
        found = outputs(browser_with_gpu, index)
        assert list(found) == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values.reshape(-1), atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_other_numbers_are_noticed(browser_with_gpu, whole, site, tmp_path):
    shutil.copytree(whole, tmp_path / "page")
    check = tmp_path / "page" / "check.bin"
    check.write_bytes((np.fromfile(check, "<f4") + np.float32(0.01)).tobytes())
    said = opened(browser_with_gpu, site(tmp_path / "page").url)
    assert said == "Computed by WebAssembly, for WebGPU cannot be used: it computes other numbers."
