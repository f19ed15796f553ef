"""Whether a picture looks unlike those a model was trained on, as far as its brightness and contrast tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

KEY = "training_pictures"
"""Where a file's metadata says what its training pictures were like (`core/data/picture_statistics.py`)."""

_LEAST = 0.05
"""What is added to a range on either side at least: of pictures that are all alike, any other is not odd."""

Range = tuple[float, float]


@dataclass(frozen=True)
class TrainingPictures:
    """Between what nearly all training pictures' mean and deviation lay, of values in 0..1."""

    brightness: Range
    contrast: Range

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Self | None:
        """Return what a file's metadata says of them; None when it says nothing that can be used."""
        stated = metadata.get(KEY)
        if not isinstance(stated, dict):
            return None
        brightness, contrast = _range(stated.get("brightness")), _range(stated.get("contrast"))
        return None if brightness is None or contrast is None else cls(brightness, contrast)

    def remarks(self, names: Sequence[str], pictures: Sequence[NDArray[np.uint8]]) -> dict[str, str]:
        """Return the remarks on pictures by their names, of those that have one."""
        found = zip(names, map(self.remark, pictures), strict=True)
        return {name: remark for name, remark in found if remark is not None}

    def remark(self, picture: NDArray[np.uint8]) -> str | None:
        """Return what is far out in a picture `[C, H, W]`, after its name; None when nothing is.

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


def _range(values: Any) -> Range | None:
    if not isinstance(values, list) or len(values) != 2:
        return None
    if any(type(value) not in (int, float) for value in values):
        return None
    low, high = float(values[0]), float(values[1])
    return (low, high) if 0 <= low <= high <= 1 else None


def _widened(known: Range) -> Range:
    margin = max(_LEAST, (known[1] - known[0]) / 2)
    return known[0] - margin, known[1] + margin
