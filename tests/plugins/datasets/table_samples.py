"""Tables of small pictures for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(folder: Path, count: int, side: int = 6) -> list[str]:
    """Write pictures that all differ, `0.png` and so on; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(256, size=(side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return names


def write_table(path: Path, header: str, rows: Sequence[str]) -> Path:
    """Write a table's lines as they are."""
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path
