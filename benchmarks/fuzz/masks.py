"""Masks and maps beside pictures: their files, and folders of them."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from .target import Read, Target

_COUNT = 12


def masks() -> Iterator[Target]:
    """Yield the targets: a mask or a map in a table's column, and names in folders."""
    from hypothesis import strategies as st

    columns = "column|maps|pictures"
    yield Target(
        "mask", [_encoded("L"), _encoded("P"), _encoded("1")], _column("mask"), columns, together=100
    )
    yield Target("map", [_encoded("I;16"), _encoded("F")], _column("map"), columns, together=100)
    kinds, parts = st.sampled_from(["images", "masks", "depth", "train", "val"]), st.text(max_size=8)
    paths = st.lists(st.one_of(kinds, parts), min_size=1, max_size=3).map("/".join)
    names = st.lists(paths, max_size=4).map(lambda found: "\0".join(found).encode("utf-8", "surrogatepass"))
    yield Target("mask folders", [b"images/a\0masks/a"], _folders, "folders", names, together=200)


def _encoded(mode: str, number: int = 0) -> bytes:
    import numpy as np
    from PIL import Image

    pixels = (np.arange(784).reshape(28, 28) + number) % 3
    stream = io.BytesIO()
    image = Image.fromarray(pixels.astype(np.uint8))
    image = image if mode == "L" else image.convert("I").convert(mode) if mode != "P" else image.convert("P")
    image.save(stream, "TIFF" if mode == "F" else "PNG")
    return stream.getvalue()


def _column(kind: Literal["mask", "map"]) -> Any:
    """Return what reads a table whose first mask or map is the input."""

    def opened(work: Path) -> Read:
        place = work / "maps"
        place.mkdir()
        lines = ["file,plane,kind"]
        for row in range(_COUNT):
            (place / f"{row}.png").write_bytes(_encoded("L", row))
            (place / f"{row}-plane.png").write_bytes(_encoded("L", row + 1))
            lines.append(f"{row}.png,{row}-plane.png,{'ab'[row % 2]}")
        (place / "table.csv").write_text("\n".join(lines) + "\n")

        def act(content: bytes) -> object:
            from mtl.plugins.datasets.table import PictureTable

            (place / "0-plane.png").write_bytes(content)
            return PictureTable(
                file=place / "table.csv", columns={"plane": {"type": kind}}, allow_duplicates=True
            ).load()

        return act

    return opened


def _folders(work: Path) -> Read:
    """Return what makes files of the paths in an input, parted by NUL, beside good ones, and loads them."""
    place = work / "folders"

    def act(content: bytes) -> object:
        from mtl.plugins.datasets.mask_folders import MaskFolders

        shutil.rmtree(place, ignore_errors=True)
        good = [f"{kind}/{row}".encode() for kind in ("images", "masks") for row in range(_COUNT)]
        for number, name in enumerate([*good, *content.split(b"\0")]):
            _make(place / os.fsdecode(name.replace(b"..", b"").strip(b"/") + b".png"), number)
        return MaskFolders(data_dir=place, allow_duplicates=True).load()

    return act


def _make(path: Path, number: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_encoded("L", number))
    except (OSError, ValueError):  # what the file system itself does not take
        return
