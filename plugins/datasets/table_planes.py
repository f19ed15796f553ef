"""What the masks and maps of a table hold: looked at file by file, and read again where they are to lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...core.base.errors import UsageError
from ...core.contracts import Form
from ...core.contracts.specs import ImageSpec
from ...core.contracts.storage import in_parts, part_of
from ..forms import PixelClasses, PixelValues
from ..forms.pixel_classes import UNLABELLED
from .table_advice import setting, stated_at

Read = Callable[[int], NDArray[Any] | None]
"""From a row to its plane `[H, W]`, None where it has none; -1 in a mask, NaN in a map is outside."""

Found = TypeVar("Found")

_BLACK_AND_WHITE = (0, 255)
_BYTES = 256 // 8
"""Bytes that hold a bit for each number of a mask."""


@dataclass(frozen=True)
class MapLabel:
    """A column with a class per pixel, uint8 `[H, W]` (255: no label), or a value, float32 `[1, H, W]` (NaN).

    `described` is the column in a few words; `write(row, out)` reads a row's file.
    """

    name: str
    spec: Form
    described: str
    write: Callable[[int, NDArray[Any]], None] = field(repr=False)

    @property
    def kind(self) -> tuple[tuple[int, ...], str]:
        """Its shape for each row, and NumPy's name for the type of its numbers."""
        return self.spec.target_shape, "uint8" if isinstance(self.spec, PixelClasses) else "float32"


def map_filling(labels: Mapping[str, MapLabel]) -> Callable[[int, Mapping[str, NDArray[Any]]], None]:
    """Return what writes the rows of masks and maps into columns, as a storage asks for them."""

    def fill(start: int, out: Mapping[str, NDArray[Any]]) -> None:
        for name, column in out.items():
            for row, place in enumerate(column, start):
                labels[name].write(row, place)

    return fill


def each_row(count: int, image: ImageSpec, look: Callable[[int], Found]) -> list[Found]:
    """Return what is found in each row's mask or map, on all cores."""
    from ...core.data.pictures import silently

    def some(start: int, stop: int) -> list[Found]:
        return [look(row) for row in range(start, stop)]

    with silently():
        parts = list(in_parts(count, part_of(4 * image.height * image.width), some))
    return [found for part in parts for found in part]


@dataclass(frozen=True)
class Planes:
    """The masks or maps of a column: what is stated of them, the files' names, and how each is read.

    `read` also compares a file with its picture, `read_again` does not. Raises `UsageError`, which names the
    column, for what is no label.
    """

    name: str
    stated: Mapping[str, Any]
    files: Sequence[str | None]
    image: ImageSpec
    read: Read = field(repr=False)
    read_again: Read = field(repr=False)

    def masks(self) -> MapLabel:
        """Return them as classes: the numbers that pixels have, or those stated."""
        size = self.image.height * self.image.width
        seen = self._each(_numbers_in, (np.zeros(_BYTES, np.uint8), 0, size))
        found = np.array([numbers for numbers, _, _ in seen])
        values = np.flatnonzero(np.unpackbits(np.bitwise_or.reduce(found, axis=0))).tolist()
        whole = values == list(_BLACK_AND_WHITE)
        if not whole:
            values = [value for value in values if value != UNLABELLED]
        names = self.stated.get("classes")
        if names is None:
            names = tuple(str(value) for value in values)
        else:
            self._refuse_unknown(found, values, len(names))
            values = list(range(len(names)))
        if len(names) < 2:
            said = f"every pixel is {names[0]}" if names else "no pixel has a label"
            raise self._error(f"{said}: there is nothing to tell")
        # The last one is for -1: outside of the picture.
        numbers = np.full(257, UNLABELLED, dtype=np.uint8)
        numbers[values] = np.arange(len(values))

        def write(row: int, out: NDArray[Any]) -> None:
            plane = self.read_again(row)
            out[...] = UNLABELLED if plane is None else numbers[plane]

        form = PixelClasses(tuple(names), self.image.height, self.image.width)
        known = [(size - outside - (0 if whole else without)) / size for _, without, outside in seen]
        return MapLabel(self.name, form, classes_said(names) + holes(known), write)

    def maps(self) -> MapLabel:
        """Return them as values, scaled as stated; 0 is no value."""
        scale, units = float(self.stated.get("scale", 1.0)), str(self.stated.get("units", ""))

        def scaled(plane: NDArray[Any]) -> NDArray[Any]:
            return np.where(np.isfinite(plane) & (plane != 0), plane, np.nan) * scale

        def write(row: int, out: NDArray[Any]) -> None:
            plane = self.read_again(row)
            out[...] = np.nan if plane is None else scaled(plane)

        seen = self._each(lambda plane: _ends_of(scaled(plane)), (np.inf, -np.inf, 0.0))
        low, high = min(row[0] for row in seen), max(row[1] for row in seen)
        if low > high:
            raise self._error("no pixel has a value: there is nothing to tell")
        form = PixelValues((self.name,), self.image.height, self.image.width, units, low > 0)
        said = f"a value per pixel from {low:g} to {high:g}{f' {units}' if units else ''}"
        return MapLabel(self.name, form, said + holes([known for _, _, known in seen]), write)

    def _each(self, look: Callable[[NDArray[Any]], Found], otherwise: Found) -> list[Found]:
        def found(row: int) -> Found:
            plane = self.read(row)
            return otherwise if plane is None else look(plane)

        return each_row(len(self.files), self.image, found)

    def _refuse_unknown(self, found: NDArray[np.uint8], values: Sequence[int], count: int) -> None:
        unknown = np.zeros(256, dtype=np.uint8)
        unknown[[value for value in values if value >= count]] = 1
        rows = np.flatnonzero((found & np.packbits(unknown)).any(axis=1))
        if len(rows):
            held = ", ".join(map(str, np.flatnonzero(unknown)[:5]))
            raise self._error(
                f"{self.files[rows[0]]} holds {held}: its {count} classes are the numbers 0 to {count - 1}, "
                "and 255 is no label"
            )

    def _error(self, message: str) -> UsageError:
        return map_error(self.name, message)


def map_error(column: str, message: str) -> UsageError:
    """Return what is raised for a mask or map that is no label."""
    hint = f"mend it, or leave the column out: {setting(column, 'ignore')}"
    return UsageError(f"column {column!r}: {message}", hint=hint, at=stated_at(column))


def _numbers_in(plane: NDArray[np.int16]) -> tuple[NDArray[np.uint8], int, int]:
    """Return which numbers a mask holds, a bit for each, and how many pixels have no label and no picture."""
    counts = np.bincount(plane.reshape(-1) + 1, minlength=257)
    return np.packbits(counts[1:] > 0), int(counts[1 + UNLABELLED]), int(counts[0])


def _ends_of(plane: NDArray[Any]) -> tuple[float, float, float]:
    """Return the lowest and the highest value of a map, and the share of its pixels that have one."""
    known = plane[~np.isnan(plane)]
    if not len(known):
        return np.inf, -np.inf, 0.0
    return float(known.min()), float(known.max()), len(known) / plane.size


def classes_said(names: Sequence[str]) -> str:
    """Return in a few words what classes pixels have."""
    return f"a class per pixel, of {len(names)}: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"


def holes(known: Sequence[float]) -> str:
    """Return in words how many rows have no label, and of the others how many pixels."""
    there = [share for share in known if share]
    absent = len(known) - len(there)
    share = 1 - sum(there) / len(there) if there else 0.0
    return (f"; {absent:,} absent" if absent else "") + (
        f"; {100 * share:.1f} % of pixels without a label" if share > 0 else ""
    )
