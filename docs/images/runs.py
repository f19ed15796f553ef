"""The picture of runs side by side in docs/runs.md, made in headless Chromium.

mtl compose --dataset digits --tasks denoise,classify,parity --encoder lenet --epochs 5 --out runs/5-epochs
mtl compose --dataset digits --tasks denoise,classify,parity --encoder lenet --epochs 15 --out runs/15-epochs
mtl runs diff runs/5-epochs runs/15-epochs --page runs.html
python docs/images/runs.py runs.html docs/images
"""

from __future__ import annotations

import sys
from pathlib import Path

from report import View, take
from screenshot import chromium

VIEW = View("runs-diff", 0, 1440, "light", "#recipe", 1330)


def main() -> None:
    """Take the picture."""
    page, folder = map(Path, sys.argv[1:])
    with chromium() as browser:
        take(browser, page, VIEW, folder)


if __name__ == "__main__":
    main()
