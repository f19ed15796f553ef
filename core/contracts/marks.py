"""How points are shown: by name, and as marks over the image they are points of. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drawing import Described, Drawing

_SMALLEST = 160
"""Pixels that the longer side of a picture with marks has at least; smaller ones are enlarged."""
_COLOURS = ((255, 64, 64), (64, 220, 90), (90, 150, 255), (255, 210, 40), (255, 110, 255), (60, 230, 230))


@dataclass(frozen=True)
class Marks(Drawing):
    """Named points of an image: `[B, K, 3]`, x from the left and y from the top in 0..1, and visibility.

    The third number is how probable it is that the point is seen; from one half on it is. NaN: not seen.

    >>> Marks(("nose", "tail")).describe(np.array([[[0.25, 0.5, 0.9], [0.1, 0.1, 0.2]]]))[0].text
    'nose (0.250, 0.500); hidden: tail'
    """

    kind = "marks"
    pictured = True

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        return [self._described(rows) for rows in np.nan_to_num(predictions).tolist()]

    def over(self, said: Sequence[Described], images: NDArray[np.uint8]) -> list[Described]:
        found = []
        for one, image in zip(said, images, strict=True):
            points = [
                (place["x"], place["y"]) if place["visible"] >= 0.5 else None
                for place in one.value["points"].values()
            ]
            found.append(one._replace(picture=marked(image, points)))
        return found

    def _described(self, rows: Sequence[Sequence[float]]) -> Described:
        places = {
            name: dict(zip(("x", "y", "visible"), row, strict=True))
            for name, row in zip(self.labels, rows, strict=True)
        }
        seen = [name for name, place in places.items() if place["visible"] >= 0.5]
        hidden = [name for name in places if name not in seen]
        text = ", ".join(f"{name} ({places[name]['x']:.3f}, {places[name]['y']:.3f})" for name in seen)
        text = text or "no point"
        return Described(f"{text}; hidden: {', '.join(hidden)}" if hidden else text, {"points": places})


def marked(
    image: NDArray[np.uint8],
    points: Sequence[tuple[float, float] | None],
    true: Sequence[tuple[float, float] | None] = (),
) -> NDArray[np.uint8]:
    """Return an image `[C, H, W]` in colour, `[h, w, 3]`, with a cross at each point and a ring at true ones.

    The colour follows the place in the list. Small images are enlarged so that marks can be told apart.

    >>> marked(np.zeros((1, 20, 40), dtype=np.uint8), [(0.5, 0.5)]).shape
    (80, 160, 3)
    """
    from PIL import Image, ImageDraw

    plane = image if image.shape[0] == 3 else image.mean(axis=0, keepdims=True).repeat(3, axis=0)
    times = -(-_SMALLEST // max(image.shape[1:]))
    large = plane.astype(np.uint8).repeat(times, axis=1).repeat(times, axis=2)
    drawn = Image.fromarray(np.ascontiguousarray(large.transpose(1, 2, 0)))
    pen = ImageDraw.Draw(drawn)
    reach = max(3, round(max(drawn.size) / 40))
    for places, shape in ((true, _ring), (points, _cross)):
        for number, place in enumerate(places):
            if place is not None:
                x, y = place[0] * drawn.width - 0.5, place[1] * drawn.height - 0.5
                # Dark below and bright above: it is seen on any ground.
                shape(pen, x, y, reach + 1, (0, 0, 0), 3)
                shape(pen, x, y, reach, _COLOURS[number % len(_COLOURS)], 1)
    return np.asarray(drawn)


def _cross(pen: Any, x: float, y: float, reach: float, colour: tuple[int, int, int], width: int) -> None:
    pen.line([x - reach, y, x + reach, y], fill=colour, width=width)
    pen.line([x, y - reach, x, y + reach], fill=colour, width=width)


def _ring(pen: Any, x: float, y: float, reach: float, colour: tuple[int, int, int], width: int) -> None:
    pen.ellipse([x - reach, y - reach, x + reach, y + reach], outline=colour, width=width)
