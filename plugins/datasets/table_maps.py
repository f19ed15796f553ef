"""Columns of a table that name a file of every pixel's class, or of its value, beside each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.contracts import Preparation
from ...core.data.table_paths import PictureFolder, picture_paths
from ...core.data.tables import Table
from .image_files import ImageFile, image_file
from .map_files import opened_map
from .placing import laid
from .table_advice import setting
from .table_columns import Seen
from .table_labels import Cells
from .table_planes import MapLabel, Planes, map_error

MASK_MODES = ("1", "L", "P")
"""Pillow's modes of pictures whose pixels are numbers in a byte."""

DEPTH_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
"""Those whose pixels are numbers of more digits."""

MOST_CLASSES = 64
"""Different numbers in files that are taken for masks by themselves."""

_LOOKED_AT = 8


@dataclass(frozen=True)
class MapColumn:
    """A column that names the mask or the map of each picture; a hole where it has none.

    Every way raises `UsageError`, which names the column and the file.
    """

    name: str
    files: Sequence[ImageFile | None]
    stated: Mapping[str, Any]

    def read(self, kind: str, pictures: Sequence[ImageFile], preparation: Preparation) -> MapLabel:
        """Return its labels as `mask` or `map`, brought to where pictures are, each to the nearest pixel."""

        def plane(row: int, *, compared: bool) -> NDArray[Any] | None:
            file, picture = self.files[row], pictures[row] if compared else None
            return None if file is None else self._plane(file, picture, kind, preparation)

        planes = Planes(
            self.name,
            self.stated,
            [None if file is None else file.name for file in self.files],
            preparation.image,
            partial(plane, compared=True),
            partial(plane, compared=False),
        )
        return planes.masks() if kind == "mask" else planes.maps()

    def _plane(
        self, file: ImageFile, picture: ImageFile | None, kind: str, preparation: Preparation
    ) -> NDArray[Any]:
        """Return a mask, int16 with -1 where the picture does not reach, or a map, float32 with NaN there.

        It is compared with its picture, where that is given.
        """
        from PIL import ImageOps

        hint = f"replace it, empty the cell, or leave the column out: {setting(self.name, 'ignore')}"
        with reading(f"column {self.name!r}: {file.name}", f"a {kind}", hint=hint):
            opened = opened_map(file)
            if opened is None:
                raise UsageError(f"column {self.name!r}: {file.name} is not an image", hint=hint)
            modes = MASK_MODES if kind == "mask" else (*MASK_MODES, *DEPTH_MODES)
            if opened.mode not in modes:
                numbers = "a class's number in each pixel (grey or a palette of up to 8 bits)"
                wanted = numbers if kind == "mask" else "one number in each pixel (grey of any depth)"
                raise self._error(f"{file.name} has {opened.mode} pixels, no {kind}: it needs {wanted}")
            upright = preparation.orientation == "exif"
            plane = ImageOps.exif_transpose(opened) if upright else opened
            if picture is not None:
                self._refuse_other_size(file, plane, picture, upright, hint)
            return _laid(plane, preparation, np.dtype(np.int16 if kind == "mask" else np.float32))

    def _refuse_other_size(
        self, file: ImageFile, plane: Any, picture: ImageFile, upright: bool, hint: str
    ) -> None:
        from ...core.data.picture_pixels import size_of

        shown = opened_map(picture)
        if shown is None:
            raise UsageError(f"column {self.name!r}: {picture.name} is not an image", hint=hint)
        width, height = size_of(shown) if upright else shown.size
        if plane.size != (width, height):
            raise self._error(
                f"{file.name} is {plane.height} x {plane.width} pixels, and its picture {picture.name} "
                f"{height} x {width}"
            )

    def _error(self, message: str) -> UsageError:
        return map_error(self.name, message)


def _laid(plane: Any, preparation: Preparation, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers of a mask or map where its picture goes, `[H, W]`; around it -1 or NaN."""
    from PIL import Image

    from ...core.data.pictures import place_of

    place = place_of(plane.size, preparation)
    scaled = plane if plane.size == place.scaled else plane.resize(place.scaled, Image.Resampling.NEAREST)
    return laid(np.asarray(scaled).astype(kind), place, -1 if kind.kind == "i" else np.nan)


def map_paths(table: Table, column: str, cells: Cells, folder: PictureFolder) -> list[Path | None]:
    """Return the file of every row, None for a hole; raise `UsageError` as `picture_paths` does."""
    some = next((cell for cell in cells if cell), None)
    if some is None:
        return [None] * len(cells)
    found = picture_paths(table, [cell or some for cell in cells], folder, column)
    return [path if cell else None for cell, path in zip(cells, found, strict=True)]


def map_files(table: Table, paths: Sequence[Path | None]) -> list[ImageFile | None]:
    """Return the files of the rows, called by their paths and lines."""
    return [
        None if path is None else replace(image_file(path), name=f"{path} ({table.listed([row])})")
        for row, path in enumerate(paths)
    ]


def look_at_files(folder: PictureFolder, files: Cells, pictures: Cells | None) -> Seen:
    """Return whether a column names masks or maps, by some of its files that are there."""

    def place(cells: Cells, row: int) -> Path | None:
        cell = cells[row]
        found = folder.place(cell) if cell and folder.holds(cell) else None
        return found if found is not None and found.is_relative_to(folder.root) else None

    step = max(1, len(files) // (2 * _LOOKED_AT))
    pairs = [
        (place(files, row), None if pictures is None else place(pictures, row))
        for row in range(0, len(files), step)
    ]
    there = [(file, picture) for file, picture in pairs if file is not None]
    if not there:
        missing = next((cell for cell in files if cell), "")
        return Seen(None, f"none of its files that were looked for is there: {missing!r:.80}", there=False)
    shown = [picture for _, picture in there]
    known = None if pictures is None or None in shown else [path for path in shown if path is not None]
    return kind_of_files([file for file, _ in there], known)


def kind_of_files(paths: Sequence[Path], pictures: Sequence[Path] | None) -> Seen:
    """Return whether files are masks, maps or anything else, by some of them.

    Masks have one number of up to 8 bits in each pixel, few different ones, and the size of their
    `pictures` once upright, where these are known; maps have numbers of more digits.
    """
    kinds = set()
    step = max(1, len(paths) // _LOOKED_AT)
    for place in range(0, len(paths), step):
        seen = _seen(paths[place], None if pictures is None else pictures[place])
        if seen.kind is None:
            return seen
        kinds.add(seen.kind)
    if len(kinds) > 1:
        return Seen(None, "some are masks and some are maps")
    return Seen(kinds.pop())


def _seen(path: Path, picture: Path | None) -> Seen:
    """Return what one file is; a mask or map has the size of its picture."""
    from ...core.data.picture_pixels import size_of

    try:
        with reading(path, "an image", hint=""):
            opened = opened_map(image_file(path))
        shown = opened
        if picture is not None:
            with reading(picture, "an image", hint=""):
                shown = opened_map(image_file(picture))
    except UsageError as error:
        return Seen(None, error.message)
    if opened is None or shown is None:
        return Seen(None, f"{path if opened is None else picture} is not an image")
    (width, height), (wide, high) = size_of(opened), size_of(shown)
    if (width, height) != (wide, high):
        return Seen(None, f"{path.name} is {height} x {width} pixels, and its picture {high} x {wide}")
    if opened.mode in DEPTH_MODES:
        return Seen("map")
    if opened.mode not in MASK_MODES:
        return Seen(None, f"{path.name} has {opened.mode} pixels, not one number in each")
    if len(np.unique(np.asarray(opened))) > MOST_CLASSES:
        return Seen(None, f"{path.name} holds more than {MOST_CLASSES} different numbers")
    return Seen("mask")
