"""Columns of a table that name a file of every pixel's class, or of its value, beside each picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.cores import available_cores
from ...core.base.errors import UsageError
from ...core.base.files import reading
from ...core.contracts import Preparation
from ...core.contracts.specs import ImageSpec
from ...core.data.table_paths import PictureFolder, picture_paths
from ...core.data.tables import Table
from ..forms import PixelClasses, PixelValues
from ..forms.pixel_classes import UNLABELLED
from .image_files import ImageFile, image_file
from .map_files import opened_map
from .placing import laid
from .table_advice import setting
from .table_labels import Cells, MapLabel

MASK_MODES = ("1", "L", "P")
"""Pillow's modes of pictures whose pixels are numbers in a byte."""

DEPTH_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
"""Those whose pixels are numbers of more digits."""

MOST_CLASSES = 64
"""Different numbers in files that are taken for masks by themselves."""

_LOOKED_AT = 8
_BLACK_AND_WHITE = (0, 255)


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
        planes = _each(self.files, lambda row, file: self._plane(file, pictures[row], kind, preparation))
        image = preparation.image
        return self._masks(planes, image) if kind == "mask" else self._maps(planes, image)

    def _plane(
        self, file: ImageFile, picture: ImageFile, kind: str, preparation: Preparation
    ) -> NDArray[Any]:
        """Return a mask, int16 with -1 where the picture does not reach, or a map, float32 with NaN there."""
        from PIL import ImageOps

        from ...core.data.picture_pixels import size_of

        hint = f"replace it, empty the cell, or leave the column out: {setting(self.name, 'ignore')}"
        with reading(f"column {self.name!r}: {file.name}", f"a {kind}", hint=hint):
            opened, shown = opened_map(file), opened_map(picture)
            if opened is None or shown is None:
                name = picture.name if shown is None else file.name
                raise UsageError(f"column {self.name!r}: {name} is not an image", hint=hint)
            modes = MASK_MODES if kind == "mask" else (*MASK_MODES, *DEPTH_MODES)
            if opened.mode not in modes:
                numbers = "a class's number in each pixel (grey or a palette of up to 8 bits)"
                wanted = numbers if kind == "mask" else "one number in each pixel (grey of any depth)"
                raise self._error(f"{file.name} has {opened.mode} pixels, no {kind}: it needs {wanted}")
            upright = preparation.orientation == "exif"
            plane = ImageOps.exif_transpose(opened) if upright else opened
            width, height = size_of(shown) if upright else shown.size
            if plane.size != (width, height):
                raise self._error(
                    f"{file.name} is {plane.height} x {plane.width} pixels, and its picture {picture.name} "
                    f"{height} x {width}"
                )
            return _laid(plane, preparation, np.dtype(np.int16 if kind == "mask" else np.float32))

    def _masks(self, planes: Sequence[NDArray[Any] | None], image: ImageSpec) -> MapLabel:
        found = np.zeros(256, dtype=bool)
        for plane in planes:
            if plane is not None:
                found |= np.bincount(plane[plane >= 0], minlength=256) > 0
        values = np.flatnonzero(found).tolist()
        if values != list(_BLACK_AND_WHITE):
            values = [value for value in values if value != UNLABELLED]
        names = self.stated.get("classes")
        if names is None:
            names = tuple(str(value) for value in values)
        else:
            self._refuse_unknown(planes, values, len(names))
            values = list(range(len(names)))
        if len(names) < 2:
            said = f"every pixel is {names[0]}" if names else "no pixel has a label"
            raise self._error(f"{said}: there is nothing to tell")
        # The last one is for -1: outside of the picture.
        numbers = np.full(257, UNLABELLED, dtype=np.uint8)
        numbers[values] = np.arange(len(values))
        form = PixelClasses(tuple(names), image.height, image.width)
        column = np.full((len(planes), *form.target_shape), UNLABELLED, dtype=np.uint8)
        for row, plane in enumerate(planes):
            if plane is not None:
                column[row] = numbers[plane]
        return MapLabel(self.name, form, column)

    def _refuse_unknown(
        self, planes: Sequence[NDArray[Any] | None], values: Sequence[int], count: int
    ) -> None:
        unknown = [value for value in values if value >= count]
        for plane, file in zip(planes, self.files, strict=True) if unknown else ():
            if plane is not None and file is not None and np.isin(plane, unknown).any():
                raise self._error(
                    f"{file.name} holds {', '.join(map(str, unknown[:5]))}: its {count} classes are the "
                    f"numbers 0 to {count - 1}, and 255 is no label"
                )

    def _maps(self, planes: Sequence[NDArray[Any] | None], image: ImageSpec) -> MapLabel:
        scale, units = float(self.stated.get("scale", 1.0)), str(self.stated.get("units", ""))
        column = np.full((len(planes), 1, image.height, image.width), np.nan, dtype=np.float32)
        for row, plane in enumerate(planes):
            if plane is not None:
                column[row, 0] = np.where(np.isfinite(plane) & (plane != 0), plane, np.nan) * scale
        if np.isnan(column).all():
            raise self._error("no pixel has a value: there is nothing to tell")
        positive = bool(np.nanmin(column) > 0)
        form = PixelValues((self.name,), image.height, image.width, units, positive)
        return MapLabel(self.name, form, column)

    def _error(self, message: str) -> UsageError:
        hint = f"mend it, or leave the column out: {setting(self.name, 'ignore')}"
        return UsageError(f"column {self.name!r}: {message}", hint=hint)


def _laid(plane: Any, preparation: Preparation, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return the numbers of a mask or map where its picture goes, `[H, W]`; around it -1 or NaN."""
    from PIL import Image

    from ...core.data.pictures import place_of

    place = place_of(plane.size, preparation)
    scaled = plane if plane.size == place.scaled else plane.resize(place.scaled, Image.Resampling.NEAREST)
    return laid(np.asarray(scaled).astype(kind), place, -1 if kind.kind == "i" else np.nan)


def map_paths(table: Table, cells: Cells, folder: PictureFolder) -> list[Path | None]:
    """Return the file of every row, None for a hole; raise `UsageError` as `picture_paths` does."""
    some = next((cell for cell in cells if cell), None)
    if some is None:
        return [None] * len(cells)
    found = picture_paths(table, [cell or some for cell in cells], folder)
    return [path if cell else None for cell, path in zip(cells, found, strict=True)]


def map_files(table: Table, paths: Sequence[Path | None]) -> list[ImageFile | None]:
    """Return the files of the rows, called by their paths and lines."""
    return [
        None if path is None else replace(image_file(path), name=f"{path} ({table.listed([row])})")
        for row, path in enumerate(paths)
    ]


def look_at_files(folder: PictureFolder, files: Cells, pictures: Cells | None) -> str | None:
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
        return None
    shown = [picture for _, picture in there]
    known = None if pictures is None or None in shown else [path for path in shown if path is not None]
    return kind_of_files([file for file, _ in there], known)


def kind_of_files(paths: Sequence[Path], pictures: Sequence[Path] | None) -> str | None:
    """Return whether files are masks (`mask`), maps (`map`) or anything else (None), by some of them.

    Masks have one number of up to 8 bits in each pixel, few different ones, and the size of their
    `pictures`, where these are known; maps have numbers of more digits.
    """
    kinds = set()
    step = max(1, len(paths) // _LOOKED_AT)
    for place in range(0, len(paths), step):
        try:
            with reading(paths[place], "an image", hint=""):
                opened = opened_map(image_file(paths[place]))
                shown = opened if pictures is None else opened_map(image_file(pictures[place]))
                same = opened is not None and shown is not None and shown.size == opened.size
                kinds.add(_kind_of(opened) if same else None)
        except UsageError:
            return None
    return kinds.pop() if len(kinds) == 1 else None


def _kind_of(opened: Any) -> str | None:
    if opened.mode in DEPTH_MODES:
        return "map"
    few = opened.mode in MASK_MODES and len(np.unique(np.asarray(opened))) <= MOST_CLASSES
    return "mask" if few else None


def _each(
    files: Sequence[ImageFile | None], read: Callable[[int, ImageFile], NDArray[Any]]
) -> list[NDArray[Any] | None]:
    """Return what is read of each file, in order; None where there is none."""
    from ...core.data.pictures import silently

    def one(row: int) -> NDArray[Any] | None:
        file = files[row]
        return None if file is None else read(row, file)

    with silently(), ThreadPoolExecutor(min(8, available_cores())) as pool:
        return list(pool.map(one, range(len(files))))
