"""The pictures of the documentation site in README.md, made in headless Chromium.

mkdocs build --strict
python docs/images/site_pictures.py build/site docs/images
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from screenshot import FLAGS
from selenium import webdriver

PICTURES = {
    "site.png": ("index.html", 1280, 860, "light"),
    "site-phone.png": ("index.html", 390, 860, "dark"),
}


def main(site: Path, folder: Path) -> None:
    """Write every picture, in 128 colours."""
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, "hide-scrollbars", f"user-data-dir={profile}"):
            options.add_argument(f"--{flag}")
        options.binary_location = "/usr/bin/chromium"
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        try:
            for name, (page, width, height, scheme) in PICTURES.items():
                size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
                media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
                browser.get((site.resolve() / page).as_uri())
                # The colours fade in.
                time.sleep(1.0)
                taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
                picture = Image.open(io.BytesIO(base64.b64decode(taken))).convert("RGB")
                picture.quantize(128).save(folder / name, optimize=True)
        finally:
            browser.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
