"""How a prediction is shown: a few instructions that a page, a report, a program and a server know. No torch.

A form of answer names one of them, so whatever shows answers knows these and no form.

>>> Bars(("cat", "dog")).describe(np.array([[0.25, 0.75]]))[0].text
'dog  (75.0 %)'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Described(NamedTuple):
    """One prediction for people and programs: a line of text, plain JSON, and the picture if it is one.

    `picture` is uint8 `[H, W]` or `[H, W, 3]`.
    """

    text: str
    value: Mapping[str, Any]
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Drawing(ABC):
    """An instruction: `kind` is its name, `labels` name the numbers; `pictured` says that it is a picture."""

    labels: tuple[str, ...] = ()
    kind: ClassVar[str]
    pictured: ClassVar[bool] = False

    @abstractmethod
    def describe(self, predictions: NDArray[Any]) -> list[Described]:
        """Return what each prediction of a batch says."""

    def to_json(self) -> dict[str, Any]:
        """Return the instruction as plain JSON values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Bars(Drawing):
    """One of `labels`: their probabilities `[B, K]`, or that of the second alone, `[B]`, where `single`."""

    single: bool = False
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


def percent(probability: float) -> str:
    """Return a probability as people read it.

    >>> percent(0.978)
    '97.8 %'
    """
    return f"{100 * probability:.1f} %"
