"""The page in a real browser: nothing that axe finds, nothing wider than a telephone, usable by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ...chromium import chromium

pytestmark = pytest.mark.slow

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
LOOK = "axe.run(document, {runOnly: arguments[0]}).then(arguments[1], error => arguments[1](String(error)))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from chromium(tmp_path_factory, "disable-gpu")


@pytest.fixture
def opened(browser: Any, make: Callable[..., Any]) -> Callable[[int, str], Any]:
    """Return what opens the page of a run with every form in a window so wide, in a scheme of colours."""
    run = make()
    names = ("kind", "is.even", "how-many", "restore")
    for row in run.history:
        row |= {f"weight/{name}": 1.0 for name in names}
        row |= {f"cosine/{one}/{other}": 0.1 for one in names for other in names}
    run.page()

    def open_(width: int, scheme: str) -> Any:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        scheme_of = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme_of)
        browser.get((run.folder.path / "report.html").as_uri())
        browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
        return browser

    return open_


def axe() -> str:
    found = find_spec("axe_core_python")
    if found is None or found.origin is None:
        pytest.skip("needs the package axe-core-python")
    return Path(found.origin).with_name("axe.min.js").read_text()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (360, "dark")])
def test_axe_finds_nothing(opened: Callable[[int, str], Any], width: int, scheme: str) -> None:
    browser = opened(width, scheme)
    browser.set_script_timeout(120)
    browser.execute_script(axe())
    found = browser.execute_async_script(LOOK, STANDARDS)
    said = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found["violations"]]
    assert said == []
    assert len(found["passes"]) > 20


def test_nothing_is_wider_than_a_telephone(opened: Callable[[int, str], Any]) -> None:
    browser = opened(360, "light")
    assert browser.execute_script("return document.documentElement.scrollWidth") == 360


def test_pictures_begin_on_the_first_screen(opened: Callable[[int, str], Any]) -> None:
    browser = opened(1440, "light")
    assert browser.execute_script("return document.querySelector('img').getBoundingClientRect().bottom") < 800


def test_letters_of_charts_have_one_size(opened: Callable[[int, str], Any]) -> None:
    script = """
        return [...document.querySelectorAll('.charts svg')].map(
            one => one.getBoundingClientRect().width / one.viewBox.baseVal.width)
    """
    for width in (1440, 360):
        scales = opened(width, "light").execute_script(script)
        assert max(scales) - min(scales) < 0.01
        assert max(scales) < 1.2


def test_what_scrolls_and_unfolds_is_reached_by_keyboard(opened: Callable[[int, str], Any]) -> None:
    script = """
        return [...document.querySelectorAll('.scroll, summary')].filter(
            one => { one.focus(); return document.activeElement !== one }).length
    """
    assert opened(360, "light").execute_script(script) == 0
