"""The picture of the page in docs/browser.md, made in headless Chromium.

mtl compose --tasks denoise,classify,parity,random-sum --encoder lenet --out runs/page
mtl export runs/page --format web --to page
python docs/images/screenshot.py page docs/images/browser.png
"""

from __future__ import annotations

import base64
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from selenium import webdriver

SIZE = {"width": 1080, "height": 1010, "deviceScaleFactor": 1, "mobile": False}
FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
    *("disable-background-networking", "disable-component-update", "disable-sync"),
)
CHANGES = """
document.querySelectorAll('#samples button')[4].click();
document.getElementById('noise').value = 0.15;
document.getElementById('noise').dispatchEvent(new Event('input'));
"""


class Quiet(SimpleHTTPRequestHandler):
    """A static file server that keeps its log to itself."""

    def log_message(self, *_: object) -> None:
        return


def photograph(url: str, scheme: str) -> bytes:
    """Return the page as PNG, once the answers to a noisy real image are shown."""
    with chromium() as browser:
        show(browser, url, SIZE, scheme)
        wait(browser)
        browser.execute_script(CHANGES)
        wait(browser)
        # The bars take a moment to grow.
        time.sleep(0.5)
        return capture(browser)


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Open a headless Chromium and close it."""
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"user-data-dir={profile}"):
            options.add_argument(f"--{flag}")
        options.binary_location = "/usr/bin/chromium"
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        try:
            yield browser
        finally:
            browser.quit()


def show(browser: webdriver.Chrome, url: str, size: Mapping[str, Any], scheme: str) -> None:
    """Open a page in a window of a size, in light or dark."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", dict(size))
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(url)


def capture(browser: webdriver.Chrome, **options: Any) -> bytes:
    """Return what is shown as PNG."""
    shown = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", **options})
    return base64.b64decode(shown["data"])


def wait(browser: webdriver.Chrome) -> None:
    """Wait until the page shows its answers."""
    deadline = time.monotonic() + 60
    while browser.execute_script("return document.body.dataset.state") != "ready":
        if time.monotonic() > deadline:
            raise TimeoutError("the page does not answer")
        time.sleep(0.05)


def main() -> None:
    """Serve the folder, take the picture, write it."""
    folder, picture, *rest = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Path(picture).write_bytes(photograph(f"http://127.0.0.1:{server.server_port}/", (rest or ["light"])[0]))


if __name__ == "__main__":
    main()
