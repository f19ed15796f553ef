"""What form the pictures of a table are brought to, and which of them are the same."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.base.cores import available_cores
from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.contracts import Preparation, Storage
from ...core.contracts.specs import ImageSpec
from ...core.data.staged import Stage, staged_shards
from ...core.data.table_paths import PictureFolder, picture_paths
from .image_files import ImageFile, image_file, image_size, read_images
from .picture_options import StatedPreparation, brought, preparation_of
from .table_columns import TableColumns
from .table_parts import PARTS

LARGEST_SIDE = 64
"""Pixels of a side that is kept where no size is named: larger pictures are scaled to squares of it."""

_LOOKED_AT, _MEASURED = 16, 64
"""Files of which the form is found, and those whose sizes are kept with a model."""

_GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True)
class Look:
    """What the head of a picture file says: its size once upright, and whether it is grey."""

    height: int
    width: int
    grey: bool


@dataclass(frozen=True)
class TablePictures:
    """The picture of each row, and the files they are in, where each has one of its own."""

    files: Sequence[ImageFile]
    paths: Sequence[Path]


def pictures_of(columns: TableColumns, folder: PictureFolder) -> TablePictures:
    """Return the pictures of a table's rows: those it holds itself, or those that its paths name.

    Raises `UsageError` for paths as `picture_paths` does.
    """
    table, name = columns.table, columns.path
    read = table.embedded.get(name)
    if read is None:
        paths = picture_paths(table, columns.cells[name], folder)
        return TablePictures([image_file(path) for path in paths], paths)
    named = table.columns[name]
    held = [ImageFile(f"{table.path}: {cell}", partial(read, row)) for row, cell in enumerate(named)]
    return TablePictures(held, ())


def read_staged(
    files: Sequence[ImageFile],
    preparation: Preparation,
    storage: Storage,
    stage: Stage | None,
    broken: dict[int, str],
    look: Callable[[int, NDArray[np.uint8]], None],
) -> NDArray[np.uint8]:
    """Return all pictures as `read_images` does, those of shards by way of their stage."""

    def make(start: int, stop: int, aside: Storage) -> tuple[NDArray[np.uint8], Mapping[int, str]]:
        wrong: dict[int, str] = {}
        return read_images(files[start:stop], preparation, storage=aside, broken=wrong), wrong

    shards = staged_shards(stage, make)
    if stage is None or shards is None:
        return read_images(files, preparation, storage=storage, broken=broken, look=look)
    starts = [shard.start for shard in shards]
    for shard in shards:
        broken |= {shard.start + row: text for row, text in shard.broken.items()}

    def fill(start: int, out: NDArray[np.uint8]) -> None:
        for row, place in enumerate(out, start):
            shard = shards[bisect_right(starts, row) - 1]
            place[...] = shard.pixels[row - shard.start]
            look(row, place)

    storage.once_kept(stage.clear)
    return storage.pictures(len(files), preparation.image, fill)


def picture_form(
    files: Sequence[ImageFile],
    size: tuple[int, int] | None,
    channels: int | None,
    stated: StatedPreparation,
) -> tuple[Preparation, str]:
    """Return how pictures are brought to their form, and that in words.

    What is not stated is found from some of the files: their common size where it is small, else squares of
    64 pixels; one channel where all are grey. Raises `UsageError` when none of these can be read.
    """
    looks = _looks(files, _LOOKED_AT, upright=stated.get("orientation") != "stored")
    if not looks:
        image_size(files[0])  # says what is wrong with it
        raise UsageError(f"{files[0].name}: cannot be read as an image", hint="replace it by an intact one")
    sizes = Counter((look.height, look.width) for look in looks)
    usual, count = sizes.most_common(1)[0]
    if size is None:
        size = usual if count == len(looks) and max(usual) <= LARGEST_SIDE else (LARGEST_SIDE, LARGEST_SIDE)
    if channels is None:
        channels = 1 if all(look.grey for look in looks) else 3
    found = preparation_of(ImageSpec(channels, *size), stated)
    words = f"{size[0]} x {size[1]} pixels, {'grey' if channels == 1 else 'colour'}"
    if set(sizes) != {size}:
        others = " and others" if len(sizes) > 1 else ""
        words += f", {brought(found.resize)} from {usual[0]} x {usual[1]}{others} (dataset.size)"
    return found, words


def all_sizes(files: Sequence[ImageFile], *, upright: bool) -> list[tuple[int, int] | None]:
    """Return height and width of each picture as a model sees it, None where it cannot be read."""
    from ...core.data.pictures import silently

    with silently(), ThreadPoolExecutor(min(8, available_cores())) as pool:
        looks = pool.map(lambda file: look_at(file, upright), files)
        return [None if look is None else (look.height, look.width) for look in looks]


def sizes_of(files: Sequence[ImageFile], *, upright: bool = True) -> list[tuple[int, int]]:
    """Return `(height, width)` of some of the files, evenly from all; what is no picture is left out."""
    return [(look.height, look.width) for look in _looks(files, _MEASURED, upright=upright)]


def _looks(files: Sequence[ImageFile], count: int, *, upright: bool) -> list[Look]:
    from ...core.data.pictures import silently

    step = max(1, len(files) // count)
    with silently():
        return [look for file in files[::step][:count] if (look := look_at(file, upright)) is not None]


def look_at(file: ImageFile, upright: bool) -> Look | None:
    """Return what a file's head says; None when it is no picture, which reading it will tell."""
    from PIL import Image

    from ...core.data.picture_pixels import FORMATS, size_of

    try:
        with reading(file.name, "an image", hint=""):
            opened = Image.open(BytesIO(file.read()), formats=FORMATS)
            width, height = size_of(opened) if upright else opened.size
            return Look(height, width, opened.mode in _GREY)
    except UsageError:
        return None


def content_of(picture: NDArray[np.uint8]) -> bytes:
    """Return a digest of a picture, uint8 `[C, H, W]`: equal pictures have equal ones."""
    return hashlib.blake2b(picture.data, digest_size=16).digest()


def refuse_leaks(names: Sequence[str], found: Sequence[bytes], parts: NDArray[np.int8]) -> None:
    """Raise `UsageError` when a picture is in two parts; `names` are those of the files, row by row."""
    first: dict[bytes, dict[int, int]] = {}
    for row, (content, part) in enumerate(zip(found, parts.tolist(), strict=True)):
        first.setdefault(content, {}).setdefault(part, row)
    shared = [rows for rows in first.values() if len(rows) > 1]
    if not shared:
        return
    pairs = [list(rows.items())[:2] for rows in shared[:3]]
    shown = ", ".join(f"{names[a]} ({PARTS[p]}) = {names[b]} ({PARTS[q]})" for (p, a), (q, b) in pairs)
    counted = f"{len(shared):,} pictures are" if len(shared) > 1 else "1 picture is"
    raise UsageError(
        f"{counted} in two parts of the data: {shown}{', ...' if len(shared) > 3 else ''}",
        hint="a model is not tested on what it was trained on: leave one of each out of the table, "
        "or go on with --set dataset.allow_duplicates=true",
    )
