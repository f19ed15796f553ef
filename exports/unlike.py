"""Whether a picture looks unlike those a model was trained on: its brightness, its contrast, its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

KEY = "training_pictures"
"""Where a file's metadata says what its training pictures were like (`core/data/picture_statistics.py`)."""

_LEAST = 0.05
"""What is added to a range on either side at least: of pictures that are all alike, any other is not odd."""

_NEARER = 3.0
"""How many times as near to an end of what can be as nearly all training pictures one is that is told."""

_LARGER, _LONGER = 4.0, 1.5
"""How many times as large or as long as nearly all training pictures one is that is told."""

_SIZES = ("height", "width", "aspect")

Range = tuple[float, float]
Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class TrainingPictures:
    """Between what nearly all training pictures' mean and deviation lay, of values in 0..1.

    `sizes` says it of their files' `height`, `width` and `aspect` (width by height), where there were files.
    """

    brightness: Range
    contrast: Range
    sizes: Mapping[str, Range] = field(default_factory=dict)

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Self | None:
        """Return what a file's metadata says of them; None when it says nothing that can be used."""
        stated = metadata.get(KEY)
        if not isinstance(stated, dict):
            return None
        brightness, contrast = _range(stated.get("brightness")), _range(stated.get("contrast"))
        sizes = {name: _range(stated.get(name), most=inf) for name in _SIZES}
        known = {name: found for name, found in sizes.items() if found is not None and found[0] > 0}
        if brightness is None or contrast is None:
            return None
        return cls(brightness, contrast, known if len(known) == len(_SIZES) else {})

    def remarks(
        self,
        names: Sequence[str],
        pictures: Sequence[NDArray[np.uint8]],
        sizes: Sequence[Size | None] | None = None,
    ) -> dict[str, str]:
        """Return the remarks on pictures by their names, of those that have one.

        `sizes` are those of their files.
        """
        found = zip(names, map(self.remark, pictures, sizes or [None] * len(pictures)), strict=True)
        return {name: remark for name, remark in found if remark is not None}

    def remark(self, picture: NDArray[np.uint8], size: Size | None = None) -> str | None:
        """Return what is far out in a picture `[C, H, W]`, after its name; None when nothing is.

        `size` is that of its file.

        >>> light = TrainingPictures((0.8, 0.95), (0.1, 0.3))
        >>> light.remark(np.full((1, 4, 4), 20, np.uint8))
        'may be inverted: it is dark, the training pictures are light'
        """
        mean, deviation = float(picture.mean()) / 255, float(picture.std()) / 255
        low, high = _widened(self.brightness)
        if not low <= mean <= high:
            darker = mean < low
            if low <= 1 - mean <= high:
                its, theirs = ("dark", "light") if darker else ("light", "dark")
                return f"may be inverted: it is {its}, the training pictures are {theirs}"
            return f"is much {'darker' if darker else 'brighter'} than the training pictures"
        low, high = _widened(self.contrast)
        if not low <= deviation <= high:
            return f"has much {'less' if deviation < low else 'more'} contrast than the training pictures"
        return None if size is None or not self.sizes else self._size_remark(*size)

    def _size_remark(self, height: int, width: int) -> str | None:
        """Return what is far out in the size of a picture's file, after its name."""
        aspect, (low, high) = width / height, self.sizes["aspect"]
        if not low / _LONGER <= aspect <= high * _LONGER:
            shape = "wider" if aspect > high else "taller"
            return f"has another shape ({width} x {height}): much {shape} than the training pictures"
        heights, widths = self.sizes["height"], self.sizes["width"]
        if height > heights[1] * _LARGER and width > widths[1] * _LARGER:
            return f"is much larger ({width} x {height}) than the training pictures"
        if height < heights[0] / _LARGER and width < widths[0] / _LARGER:
            return f"is much smaller ({width} x {height}) than the training pictures"
        return None


def told(remarks: Mapping[str, str], count: int) -> str:
    """Return one line about pictures that look unlike: `remarks` by their names, of `count` pictures.

    >>> told({"a.png": "is much darker than the training pictures"}, 1)
    'a.png is much darker than the training pictures: its answers may mean little'
    """
    shown = "; ".join(f"{name} {remark}" for name, remark in list(remarks.items())[:3])
    if count == 1:
        return f"{shown}: its answers may mean little"
    more = "; ..." if len(remarks) > 3 else ""
    return f"{len(remarks):,} of {count:,} pictures look unlike the training pictures: {shown}{more}"


def _range(values: Any, most: float = 1.0) -> Range | None:
    if not isinstance(values, list) or len(values) != 2:
        return None
    if any(type(value) not in (int, float) for value in values):
        return None
    low, high = float(values[0]), float(values[1])
    return (low, high) if 0 <= low <= high <= most else None


def _widened(known: Range) -> Range:
    """Return the range beyond which a picture is far out: wider by half, but not up to black, white or flat.

    >>> _widened((0.12, 0.6))
    (0.04, 0.84)
    """
    low, high = known
    margin = max(_LEAST, (high - low) / 2)
    return max(low - margin, low / _NEARER), min(high + margin, 1 - (1 - high) / _NEARER)
