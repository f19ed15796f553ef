"""How a prediction is shown: a few instructions that a page, a report, a program and a server know. No torch.

A form of answer names one of them, so whatever shows answers knows these and no form.

>>> Bars(("cat", "dog")).describe(np.array([[0.25, 0.75]]))[0].text
'dog  (75.0 %)'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .colours import SCALE, class_colours, scaled

_SAID = 3
"""Classes of a mask that a line of text names."""

_BYTE = 256
"""Classes whose numbers a byte holds."""


class Described(NamedTuple):
    """One prediction for people and programs: a line of text, plain JSON, and the picture if it is one.

    `picture` is uint8 `[H, W]` or `[H, W, 3]`; with a `palette`, uint8 `[K, 3]`, it holds the numbers of
    colours. `numbers` are what a picture only shows, float32.
    """

    text: str
    value: Mapping[str, Any]
    picture: NDArray[np.uint8] | None = None
    palette: NDArray[np.uint8] | None = None
    numbers: NDArray[np.float32] | None = None

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """The picture in its colours."""
        if self.picture is None or self.palette is None:
            return self.picture
        return np.asarray(self.palette[self.picture])


@dataclass(frozen=True)
class Drawing(ABC):
    """An instruction: `kind` is its name, `labels` name the numbers; `pictured` says that it is a picture."""

    labels: tuple[str, ...] = ()
    kind: ClassVar[str]
    pictured: ClassVar[bool] = False

    @property
    def unit(self) -> str:
        """What the numbers are counted in; empty where they have no unit."""
        return ""

    @abstractmethod
    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        """Return what each prediction of a batch says."""

    def over(self, said: Sequence[Described], images: NDArray[np.uint8]) -> list[Described]:
        """Return what was said of images `[B, C, H, W]`, drawn over them where that shows it best."""
        return list(said)

    def to_json(self) -> dict[str, Any]:
        """Return the instruction as plain JSON values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Bars(Drawing):
    """One of `labels`: their probabilities `[B, K]`, or that of the second alone, `[B]`, where `single`.

    Those that are `ordered` are always shown in their order, never by how probable they are.
    """

    single: bool = False
    ordered: bool = False
    kind = "bars"

    def probabilities(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of every label, `[B, K]`."""
        return np.stack([1.0 - predictions, predictions], axis=1) if self.single else predictions

    def chosen(self, predictions: NDArray[Any]) -> NDArray[np.int64]:
        """Return the position of the answer, `[B]`; at one half it is the second of two."""
        found = predictions >= 0.5 if self.single else predictions.argmax(axis=1)
        return np.asarray(found, dtype=np.int64)

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        names, chosen = self.labels, self.chosen(predictions).tolist()
        # Arrays become Python's numbers at once, which is what takes time; float32 has fewer digits.
        if self.single:
            rows = [[1.0 - second, second] for second in predictions.tolist()]
        else:
            rows = predictions.tolist()
        return [
            Described(
                f"{names[best]}  ({percent(row[best])})",
                {"class": names[best], "probability": row[best], "probabilities": dict(zip(names, row))},  # noqa: B905
            )
            for best, row in zip(chosen, rows, strict=True)
        ]


@dataclass(frozen=True)
class Tags(Drawing):
    """Which of `labels` hold, each for itself: their probabilities `[B, K]`, yes from one half on.

    Of true ones, NaN says that it is not known; that is told.
    """

    kind = "tags"

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        found = []
        for row in predictions.tolist():
            probabilities = dict(zip(self.labels, row, strict=True))
            tags = [name for name, probability in probabilities.items() if probability >= 0.5]
            text = ", ".join(f"{name} ({percent(probabilities[name])})" for name in tags) or "none"
            if unknown := [name for name, probability in probabilities.items() if isnan(probability)]:
                text += f"; not known: {', '.join(unknown)}"
            found.append(Described(text, {"tags": tags, "probabilities": probabilities}))
        return found


@dataclass(frozen=True)
class Values(Drawing):
    """Numbers `[B, n]` by name, in units."""

    units: str = ""
    kind = "values"

    @property
    def unit(self) -> str:
        return self.units

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        units = f" {self.units}" if self.units else ""
        found = []
        for row in predictions.tolist():
            values = dict(zip(self.labels, row, strict=True))
            text = ", ".join(f"{name} {number:.4g}{units}" for name, number in values.items())
            found.append(Described(text, {"values": values, "units": self.units}))
        return found


@dataclass(frozen=True)
class Picture(Drawing):
    """Pixels `[B, channels, height, width]` in 0..1."""

    channels: int = field(default=1, kw_only=True)
    height: int = field(default=1, kw_only=True)
    width: int = field(default=1, kw_only=True)
    kind = "picture"
    pictured = True

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        scaled = predictions.transpose(0, 2, 3, 1) * 255
        pictures = np.rint(scaled, out=scaled).astype(np.uint8)
        text = f"image {self.width} x {self.height}"
        about = {"width": self.width, "height": self.height, "channels": self.channels}
        planes = pictures[..., 0] if self.channels == 1 else pictures
        return [Described(text, about, picture) for picture in planes]


@dataclass(frozen=True)
class Mask(Drawing):
    """One of `labels` at every pixel: their probabilities `[B, K, height, width]`.

    Its picture holds the numbers of the classes, as label files do, with a palette of their colours.
    """

    height: int = field(default=1, kw_only=True)
    width: int = field(default=1, kw_only=True)
    kind = "mask"
    pictured = True

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """Red, green and blue of every class."""
        return class_colours(len(self.labels))

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "colours": [list(colour) for colour in self.colours]}

    def chosen(self, predictions: NDArray[Any]) -> NDArray[np.int64]:
        """Return the position of the answer at every pixel, `[B, height, width]`."""
        return np.asarray(predictions.argmax(axis=1), dtype=np.int64)

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        colours = np.array(self.colours, dtype=np.uint8)
        return [self._described(classes, colours) for classes in self.chosen(predictions)]

    def _described(self, classes: NDArray[np.int64], colours: NDArray[np.uint8]) -> Described:
        shares = np.bincount(classes.reshape(-1), minlength=len(self.labels)) / classes.size
        largest = [index for index in np.argsort(-shares, kind="stable").tolist() if shares[index] > 0]
        said = [f"{self.labels[index]} {percent(shares[index])}" for index in largest[:_SAID]]
        value = {
            "width": self.width,
            "height": self.height,
            "shares": dict(zip(self.labels, shares.tolist(), strict=True)),
        }
        text = ", ".join(said) + (", ..." if len(largest) > _SAID else "")
        # A picture in bytes holds no more numbers.
        if len(colours) > _BYTE:
            return Described(text, value, colours[classes])
        return Described(text, value, classes.astype(np.uint8), colours)


@dataclass(frozen=True)
class Map(Drawing):
    """Numbers at every pixel `[B, n, height, width]` by name, in units.

    Its picture shows one plane beside the other on one scale of colours, from the lowest number to the
    highest; NaN is grey.
    """

    units: str = ""
    height: int = field(default=1, kw_only=True)
    width: int = field(default=1, kw_only=True)
    kind = "map"
    pictured = True

    @property
    def unit(self) -> str:
        return self.units

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "scale": [list(colour) for colour in SCALE]}

    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        return [self._described(planes) for planes in predictions]

    def _described(self, planes: NDArray[Any]) -> Described:
        ranges = {name: _range(plane) for name, plane in zip(self.labels, planes, strict=True)}
        units = f" {self.units}" if self.units else ""
        text = ", ".join(f"{name} {said(found)}{units}" for name, found in ranges.items())
        value = {"width": self.width, "height": self.height, "units": self.units, "ranges": ranges}
        lowest, highest = extremes(planes)
        picture = scaled(np.concatenate(list(planes), axis=1), lowest, highest)
        return Described(text, value, picture, numbers=planes.astype(np.float32))


def extremes(values: NDArray[Any]) -> tuple[float, float]:
    """Return the lowest and the highest known number; 0 and 0 where none is known."""
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def said(found: Mapping[str, float | None]) -> str:
    """Return a range as people read it.

    >>> said({"lowest": 0.5, "mean": 1.25, "highest": 12.3456})
    '0.5 to 12.35'
    """
    if found["lowest"] is None:
        return "not known"
    return f"{found['lowest']:.4g} to {found['highest']:.4g}"


def _range(plane: NDArray[Any]) -> dict[str, float | None]:
    known = plane[np.isfinite(plane)]
    if not known.size:
        return {"lowest": None, "mean": None, "highest": None}
    return {
        "lowest": float(known.min()),
        "mean": float(known.mean(dtype=np.float64)),
        "highest": float(known.max()),
    }


def percent(probability: float) -> str:
    """Return a probability as people read it.

    >>> percent(0.978)
    '97.8 %'
    """
    return f"{100 * probability:.1f} %"
