"""The pictures of the report in docs/report.md, made in headless Chromium.

mtl compose --dataset digits --tasks denoise,classify,parity,random-sum --encoder lenet \
    --set train.epochs=15 --out runs/digits
mtl compose --dataset scenes --set dataset.train_size=300 --set dataset.test_size=80 \
    --tasks objects,room,attributes,segmentation,depth,points --encoder small-resnet \
    --set train.epochs=5 --balancer dwa --out runs/scenes
python docs/images/report.py runs/digits runs/scenes docs/images
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from screenshot import capture, chromium, show
from selenium.webdriver.remote.webdriver import WebDriver


class View(NamedTuple):
    """A picture: which run, how wide, light or dark, from which element on, how high at most."""

    name: str
    run: int
    width: int
    scheme: str
    start: str
    height: int


VIEWS = (
    View("report-wide", 0, 1440, "light", "body", 1330),
    View("report-dark", 0, 1440, "dark", "#training", 1010),
    View("report-phone", 0, 360, "light", "body", 1400),
    View("report-forms", 1, 1440, "light", "#samples", 1340),
    View("report-model", 1, 1440, "light", "#model", 640),
)
PLACE = "const at = document.querySelector(arguments[0]).getBoundingClientRect(); return at.top + scrollY"


def main() -> None:
    """Take the pictures and write them as WebP."""
    *runs, folder = sys.argv[1:]
    with chromium() as browser:
        for view in VIEWS:
            take(browser, Path(runs[view.run]) / "report.html", view, Path(folder))


def take(browser: WebDriver, page: Path, view: View, folder: Path) -> None:
    """Take one picture of a page and write it into a folder."""
    size = {"width": view.width, "height": 900, "deviceScaleFactor": 1, "mobile": view.width < 500}
    show(browser, page.resolve().as_uri(), size, view.scheme)
    browser.execute_script("document.querySelector('nav').style.position = 'static'")
    top = max(0, browser.execute_script(PLACE, view.start) - 12)
    clip = {"x": 0, "y": top, "width": view.width, "height": view.height, "scale": 1}
    taken = capture(browser, captureBeyondViewport=True, clip=clip)
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    image.save(folder / f"{view.name}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
