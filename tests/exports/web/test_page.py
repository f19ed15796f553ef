"""The page in a real browser computes what onnxruntime computes, and can be used in every way it promises."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest

from mtl.exports.inference import ExportedModel
from mtl.exports.metadata import IMAGE

pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from .opened_page import Page, answers, assert_same


@pytest.fixture(scope="module")
def loaded(browser, page, site):
    return Page(browser, site(page).url)


@pytest.fixture
def opened(loaded):
    """The page as it is at first; it is loaded again only when another one was opened meanwhile."""
    if loaded.browser.current_url != loaded.url:
        loaded.open()
    loaded.browser.execute_script("scrollTo(0, 0)")
    loaded.set("noise", 0)
    loaded.set("angle", 0)
    loaded.find("input[value=draw] + span").click()
    loaded.pick(0)
    return loaded


def test_the_numbers_are_those_of_onnxruntime_in_python(opened, page, exported):
    samples = opened.all("#samples button")
    assert len(samples) == 12
    for index in range(len(samples)):
        opened.pick(index)
        assert_same(opened.outputs(), answers(page, exported.subject, index))
        assert opened.all("#samples button")[index].get_attribute("aria-pressed") == "true"


def test_what_is_shown_is_what_was_computed(opened, exported):
    opened.pick(3)
    found = opened.outputs()
    cards = {card.get_attribute("aria-label"): card for card in opened.all("#cards article")}
    assert list(cards) == ["classify", "shade", "even-odd", "count"]
    best = int(found["classify"].argmax())
    shown = f"{('cat', 'dog', 'owl')[best]}{100 * found['classify'][best]:.1f} %"
    assert cards["classify"].find_element(By.CSS_SELECTOR, ".verdict").text.replace(" ", "") == shown.replace(
        " ", ""
    )
    bars = cards["shade"].find_elements(By.CSS_SELECTOR, "li")
    for bar, name, value in zip(bars, ("dark", "grey", "light"), found["shade"], strict=True):
        assert bar.text.split() == [name, f"{100 * value:.1f}", "%"]
        style = bar.find_element(By.CSS_SELECTOR, ".fill").get_attribute("style")
        assert float(re.search(r"width: ([\d.]+)%", style)[1]) == pytest.approx(100 * value, abs=0.01)
    assert "pieces" in cards["count"].text
    picture = opened.pixels("#strip figure:nth-child(2) canvas")[:, :, 0]
    assert np.abs(picture - 255.0 * found["de-noise"].reshape(8, 8)).max() <= 0.51
    assert np.array_equal(opened.pixels("#seen")[:, :, 0], exported.subject.samples[IMAGE][3, 0])


def test_an_extra_input_changes_the_answer_and_a_wrong_one_is_told(opened, page, exported):
    opened.pick(0)
    pixels = exported.subject.samples[IMAGE][:1].astype(np.float32) / np.float32(255)
    for value in (1, 4):
        opened.set("input-number", value)
        expected = ExportedModel(page / "model.onnx").infer({IMAGE: pixels, "number": np.array([value])})
        assert_same(opened.outputs(), expected)
    opened.set("input-number", 5)
    assert opened.find("#input-number").get_attribute("aria-invalid") == "true"
    assert opened.find("#about-number").text == "must be a whole number from 0 to 4"
    assert_same(opened.outputs(), expected)


def test_turning_by_quarters_moves_pixels_exactly(opened, exported):
    opened.pick(1)
    original = exported.subject.samples[IMAGE][1, 0]
    for turns in (1, 2, 3):
        opened.find("#left").click()
        opened.wait()
        assert np.array_equal(opened.pixels("#seen")[:, :, 0], np.rot90(original, turns))
    opened.find("#right").click()
    opened.wait()
    assert opened.find("#angle-value").text in ("180°", "-180°")


def test_noise_is_seen_by_the_model_and_grows_with_the_slider(opened, exported):
    opened.pick(2)
    original = exported.subject.samples[IMAGE][2, 0].astype(float)
    before, spread = opened.outputs(), []
    for deviation in (0.05, 0.2):
        opened.set("noise", deviation)
        spread.append(np.abs(opened.pixels("#seen")[:, :, 0] - original).mean())
    assert 0 < spread[0] < spread[1]
    assert np.abs(opened.outputs()["de-noise"] - before["de-noise"]).max() > 1e-3
    noisy = opened.pixels("#seen")
    opened.find("#again").click()
    opened.wait()
    assert not np.array_equal(opened.pixels("#seen"), noisy)
    opened.set("noise", 0)
    assert_same(opened.outputs(), before)


@pytest.mark.parametrize("kind", ["mouse", "touch", "pen"])
def test_drawing_with_a_pointer_changes_picture_and_answers(opened, kind):
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    opened.find("#clear").click()
    opened.wait()
    assert not opened.pixels("#seen").any()
    blank = opened.outputs()
    canvas = opened.find("#canvas")
    actions = ActionBuilder(opened.browser, mouse=PointerInput(kind, kind))
    pointer = actions.pointer_action
    pointer.move_to(canvas, -60, -60).pointer_down().move_to(canvas, 60, 60).pointer_up()
    actions.perform()
    opened.wait()
    drawn = opened.pixels("#canvas")[:, :, 0]
    assert (np.diagonal(drawn)[2:6] > 200).all()
    assert not drawn[0, 7]
    assert not drawn[7, 0]
    assert np.abs(opened.outputs()["de-noise"] - blank["de-noise"]).max() > 1e-3
    opened.find("#undo").click()
    opened.wait()
    assert_same(opened.outputs(), blank)


def test_the_first_stroke_clears_a_real_image_and_undo_brings_it_back(opened):
    def draw():
        canvas = opened.find("#canvas")
        ActionChains(opened.browser).move_to_element_with_offset(canvas, -60, -60).click().perform()
        opened.wait()
        return opened.pixels("#canvas")[:, :, 0]

    real = opened.pixels("#canvas")[:, :, 0]
    assert real[4:].any()
    first = draw()
    assert first[:3, :3].any()
    assert not first[4:].any()
    opened.find("#undo").click()
    opened.wait()
    assert np.array_equal(opened.pixels("#canvas")[:, :, 0], real)
    # What was undone is drawn upon: the person has seen what the first stroke does.
    assert np.array_equal(draw()[4:], real[4:])
    # Erasing is for what is there.
    opened.pick(0)
    opened.find("input[value=erase] + span").click()
    assert np.array_equal(draw()[4:], real[4:])


def test_everything_can_be_done_with_the_keyboard(opened):
    canvas = opened.find("#canvas")
    keys = ActionChains(opened.browser)
    opened.browser.execute_script("arguments[0].focus()", canvas)
    keys.send_keys(Keys.DELETE).perform()
    opened.wait()
    assert not opened.pixels("#canvas").any()
    # From the middle two to the left, then a line of three upwards.
    keys = ActionChains(opened.browser)
    keys.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, " ")
    keys.key_down(Keys.SHIFT).send_keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP).key_up(Keys.SHIFT)
    keys.perform()
    opened.wait()
    assert (opened.pixels("#canvas")[1:5, 2, 0] > 200).all()
    cursor = opened.find("#cursor")
    assert cursor.is_displayed()
    assert opened.find("#canvas-status").get_attribute("textContent").startswith("row 2, column 3, ")
    ActionChains(opened.browser).send_keys("e", " ").perform()
    opened.wait()
    assert opened.pixels("#canvas")[1, 2, 0] == 0
    assert opened.find("input[value=erase]").is_selected()
    ActionChains(opened.browser).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    opened.wait()
    assert opened.pixels("#canvas")[1, 2, 0] > 200
    # The rest is made of buttons and fields: each can be reached by the tab key.
    reached = set()
    for _ in range(60):
        ActionChains(opened.browser).send_keys(Keys.TAB).perform()
        active = opened.browser.switch_to.active_element
        reached.add(active.get_attribute("id") or active.get_attribute("aria-label") or active.tag_name)
    wanted = {
        "undo",
        "clear",
        "brush",
        "noise",
        "again",
        "angle",
        "left",
        "right",
        "input-number",
        "Real image 1",
    }
    assert wanted <= reached
    opened.browser.execute_script("document.querySelectorAll('#samples button')[4].focus()")
    ActionChains(opened.browser).send_keys(Keys.ENTER).perform()
    opened.wait()
    assert opened.all("#samples button")[4].get_attribute("aria-pressed") == "true"


def test_answers_are_spoken_once_the_hand_rests(opened):
    opened.pick(5)
    spoken = opened.find("#spoken")
    assert spoken.get_attribute("aria-live") == "polite"
    deadline = time.monotonic() + 10
    while not spoken.get_attribute("textContent"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    text = spoken.get_attribute("textContent")
    assert [part.partition(":")[0] for part in text.split(". ")] == [
        "classify",
        "shade",
        "even-odd",
        "count",
        "de-noise",
    ]


def test_every_control_has_a_name_and_none_is_named_twice(opened):
    script = """
        return [...document.querySelectorAll('button, input, canvas, summary, [role]')].map((element) => [
          element.outerHTML.slice(0, 80),
          element.getAttribute('aria-label') || element.textContent.trim()
            || (element.labels ? [...element.labels].map((label) => label.textContent.trim()).join(' ') : '')
            || element.closest('button')?.getAttribute('aria-label') || '',
        ]);
    """
    silent = ("spoken", "canvas-status", "problem")
    for html, name in opened.browser.execute_script(script):
        assert name or any(f'id="{quiet}"' in html for quiet in silent), html
    ids = opened.browser.execute_script("return [...document.querySelectorAll('[id]')].map(({id}) => id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(opened, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    script = """
        const light = (text) => {
          const [red, green, blue] = text.match(/[\\d.]+/g).slice(0, 3).map((value) => {
            const share = value / 255;
            return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const back = (element) => {
          for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour;
          }
        };
        const page = light(getComputedStyle(document.body).backgroundColor);
        const kinds = 'h1, h2, h3, p, label, button, .number, .name, small, summary';
        const texts = [...document.querySelectorAll(kinds)];
        return [page, Math.min(...texts.filter((element) => element.offsetParent && !element.disabled)
          .map((element) => {
            const pair = [light(getComputedStyle(element).color), light(back(element))].sort((a, b) => b - a);
            return (pair[0] + 0.05) / (pair[1] + 0.05);
          }))];
    """
    page, contrast = opened.browser.execute_script(script)
    assert (page > 0.5) == (scheme == "light")
    assert contrast >= 4.5


@pytest.mark.parametrize("width", [320, 700, 1200])
def test_nothing_overflows_at_any_width(opened, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    opened.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert opened.browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        opened.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_no_request_leaves_the_server_and_the_console_is_empty(browser, page, site):
    served = site(page)
    opened = Page(browser, served.url)
    opened.pick(1)
    asked = [
        message["params"]["request"]["url"]
        for message in (json.loads(row["message"])["message"] for row in browser.get_log("performance"))
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert len(asked) >= 10
    assert [url for url in asked if not url.startswith(served.url)] == []
    assert "/model.onnx" in served.asked
    assert browser.get_log("browser") == []
