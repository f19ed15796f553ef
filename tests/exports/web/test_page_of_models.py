"""The page of models of every kind: colours, rows, masks, points, rounded ones; and with a file missing."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE
from mtl.exports.web.exporter import WebExporter

from ..conftest import LOOSE

pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from .opened_page import PATIENCE, Page, assert_same


def test_colours_odd_sizes_and_many_classes(browser, colour_page, site):
    opened = Page(browser, site(colour_page).url)
    model = ExportedModel(colour_page / "model.onnx")
    samples = np.fromfile(colour_page / "samples.bin", np.uint8).reshape(4, 3, 6, 10)
    for index, sample in enumerate(samples):
        opened.pick(index)
        assert_same(opened.outputs(), model.infer({IMAGE: sample[None].astype(np.float32) / np.float32(255)}))
        assert np.array_equal(opened.pixels("#seen"), sample.transpose(1, 2, 0))
    assert opened.find("#ink-field").is_displayed()
    opened.find("#clear").click()
    opened.set("ink", "#ff8000")
    opened.browser.execute_script("document.getElementById('canvas').focus()")
    ActionChains(browser).send_keys(" ").perform()
    opened.wait()
    assert opened.pixels("#canvas").max(axis=(0, 1)).tolist() == [255, 128, 0]
    (kind,) = [card for card in opened.all("article") if card.get_attribute("aria-label") == "kind"]
    assert "f1 0.5 on the test split" in kind.text
    shown = [row.text.split()[2] for row in kind.find_elements(By.CSS_SELECTOR, "li")]
    order = np.argsort(-opened.outputs()["kind"], kind="stable")
    assert shown == [str(index) for index in order[:8]]
    kind.find_element(By.CSS_SELECTOR, "button").click()
    assert len(kind.find_elements(By.CSS_SELECTOR, "li")) == 30


def test_tags_masks_maps_points_and_orders_are_shown_as_onnxruntime_answers(
    browser, places_page, places_subject, site
):
    page = Page(browser, site(places_page).url)
    answered = ExportedModel(places_page / "model.onnx").run(places_subject.samples[IMAGE])
    assert_same(page.outputs(), {name: values[:1] for name, values in answered.items()})
    cards = {card.get_attribute("aria-label"): card for card in page.all("#cards article")}
    assert set(cards) == {"things", "size"}
    tags = zip(("cloud", "tree", "light"), answered["things"][0], strict=True)
    held = [name for name, share in tags if share >= 0.5]
    assert cards["things"].find_element(By.CLASS_NAME, "verdict").text == (", ".join(held) or "none")
    # Classes in an order keep it, whichever is most probable.
    names = [item.text for item in cards["size"].find_elements(By.CLASS_NAME, "name")]
    assert names == ["small", "middle", "large"]
    shares = np.bincount(answered["ground"][0].argmax(0).ravel(), minlength=3) / (12 * 16)
    assert [item.text for item in page.all(".legend span")] == [f"{100 * share:.1f} %" for share in shares]
    (ends,) = page.all(".ends")
    low, high = answered["depth"][0].min(), answered["depth"][0].max()
    assert ends.text == f"{low:.3g} to {high:.3g} m"
    left, right = page.all(".places li")
    assert left.text == "left eye: hidden"
    x, y, visible = answered["eyes"][0, 1]
    assert visible > 0.5
    assert right.text == f"right eye: {x:.3g}, {y:.3g}"
    # The cross of the one that is visible is drawn over the picture, in a colour that is not there.
    marked = page.pixels("#strip figure:last-child canvas")
    row, column = int(y * len(marked)), int(x * len(marked[0]))
    assert np.abs(marked[row, column].astype(int) - marked[row + 12, column + 12]).max() > 40


def test_a_rounded_model_shows_what_was_measured_with_itself(browser, exported, runtime, site, tmp_path):
    exporter = WebExporter(runtime=str(runtime), precision="float16", max_drop=LOOSE)
    measured = {task: {"rmse": 99.0, "accuracy": 99.0} for task in exported.subject.targets}
    subject = replace(exported.subject, metadata={"test_metrics": measured})
    quality = exporter.export(subject, tmp_path / "page").verification["quality"]
    shown = {
        card.get_attribute("aria-label"): card.text
        for card in Page(browser, site(tmp_path / "page").url).all("article")
    }
    for task in ("classify", "count"):
        value = float(f"{quality[task]['after']['test']:.3g}")
        assert f"{quality[task]['metric']} {value:g} on the test split" in shown[task]


def test_a_missing_file_is_told_on_the_page(browser, page, site, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in page.iterdir():
        if file.is_file() and file.name != "model.onnx":
            (broken / file.name).write_bytes(file.read_bytes())
    browser.get(site(broken).url)
    deadline = time.monotonic() + PATIENCE
    while "cannot run the model" not in browser.find_element(By.ID, "loading-text").text:
        assert time.monotonic() < deadline
    assert browser.find_element(By.ID, "loading").get_attribute("role") == "alert"


def test_rows_have_a_field_per_column_and_the_numbers_of_onnxruntime(browser, row_page, row_subject, site):
    page = Page(browser, site(row_page).url)
    exported = ExportedModel(row_page / "model.onnx")
    assert [label.text for label in page.all("#inputs label")] == ["area", "7", "town"]
    assert not page.all("#canvas, #noise, #seen")
    for index, row in enumerate(row_subject.samples["row"]):
        page.pick(index)
        assert_same(page.outputs(), exported.infer({"row": row[None]}))
    assert [page.find(f"#input-row-{index}").get_attribute("value") for index in range(3)] == [
        "-3.25",
        "0.001",
        "",
    ]
    page.set("input-row-0", "72.5")
    page.set("input-row-1", "")
    script = "arguments[0].value = '1'; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
    browser.execute_script(script, page.find("#input-row-2"))
    page.wait()
    assert_same(page.outputs(), exported.infer({"row": np.float32([[72.5, np.nan, 1.0]])}))
    assert not page.all("#samples button[aria-pressed=true]")


def test_a_field_that_is_no_number_is_marked_and_changes_nothing(browser, row_page, site):
    page = Page(browser, site(row_page).url)
    before = page.outputs()
    page.find("#input-row-0").send_keys("e")
    assert page.find("#input-row-0").get_attribute("aria-invalid") == "true"
    assert page.find("#about-row-0").text == "must be a number, or empty where it is not known"
    assert_same(page.outputs(), before)
