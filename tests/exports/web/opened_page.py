"""The page as a person uses it, and what onnxruntime in Python answers to the same."""

from __future__ import annotations

import json
import time

import numpy as np
from selenium.webdriver.common.by import By

from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE

PATIENCE = 60.0


class Page:
    """What a person does on the page, and what is then shown."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url
        browser.get_log("browser")
        browser.get_log("performance")
        self.open()

    def open(self):
        self.browser.get(self.url)
        self.wait()
        self.browser.execute_script("document.getElementById('numbers').open = true")
        self.wait()

    def find(self, css):
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def all(self, css):
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def wait(self, state="ready"):
        """Wait until the page shows the answers to what it shows as seen."""
        deadline = time.monotonic() + PATIENCE
        while self.browser.execute_script("return document.body.dataset.state") != state:
            assert time.monotonic() < deadline, self.find("body").text
            time.sleep(0.02)

    def set(self, name, value):
        """Move a slider or fill a field as a person does: the value, then the event."""
        field = self.find(f"#{name}")
        script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
        self.browser.execute_script(script, field, str(value))
        self.wait()

    def outputs(self):
        text = self.browser.execute_script("return document.getElementById('json').textContent")
        return {name: np.float32(values) for name, values in json.loads(text)["outputs"].items()}

    def pixels(self, css):
        """Return what a canvas shows, uint8 `[H, W, 3]`."""
        script = """
            const canvas = document.querySelector(arguments[0]);
            const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.height, canvas.width, Array.from(image.data)];
        """
        height, width, data = self.browser.execute_script(script, css)
        return np.uint8(data).reshape(height, width, 4)[:, :, :3]

    def pick(self, index):
        self.all("#samples button")[index].click()
        self.wait()


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values.reshape(-1), atol=1e-3, rtol=1e-3, err_msg=name)


def answers(page, subject, index):
    """Return what onnxruntime in Python answers for a real sample."""
    pixels = subject.samples[IMAGE][index : index + 1].astype(np.float32) / np.float32(255)
    extra = {spec.name: subject.samples[spec.name][index : index + 1] for spec in subject.inputs}
    return ExportedModel(page / "model.onnx").infer({IMAGE: pixels, **extra})
