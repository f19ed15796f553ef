"""The numbers a file computes with: float32, float16, or int8 with what it was calibrated on.

>>> Precision.from_json(Precision("int8", ("denoise",), {}, Calibration(256, 0, "ab")).to_json()).keep_float
('denoise',)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ..core.contracts import Arrays, Units

PrecisionType = Literal["float32", "float16", "int8"]
KEY = "precision"
"""Where the metadata keeps it; a float32 file says nothing."""

SEED = 0
"""Seed of the draw of the calibration samples."""

_ROUNDING = 2.0**-21
"""Of a number: some four float32 roundings."""


@dataclass(frozen=True)
class Calibration:
    """The training samples that the ranges of the numbers inside a rounded file come from."""

    samples: int
    seed: int
    sha256: str

    @classmethod
    def of(cls, arrays: Arrays, asked: int, seed: int) -> Self:
        """Return the record of samples that `training_samples(asked, seed)` gave."""
        digest = hashlib.sha256()
        for name in sorted(arrays):
            digest.update(name.encode() + b"\0")
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())
        return cls(asked, seed, digest.hexdigest())


@dataclass(frozen=True)
class FineTuning:
    """The epochs that a model was trained on for, rounded, and the sum of the file with its weights then."""

    epochs: int
    sha256: str


@dataclass(frozen=True)
class Precision:
    """How a file computes: the type, the tasks whose own layers stay in float, and what may be lost.

    `max_drop` is by task, in the unit of its leading metric. `float_operators` are those of an int8 file that
    went back to float32, named as in the float32 graph. `fine_tuning` is None where the trained model's own
    weights were rounded.
    """

    type: PrecisionType = "float32"
    keep_float: tuple[str, ...] = ()
    max_drop: Mapping[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None
    float_operators: tuple[str, ...] = ()
    fine_tuning: FineTuning | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the precision as plain JSON values."""
        found: dict[str, Any] = {
            "type": self.type,
            "keep_float": list(self.keep_float),
            "max_drop": dict(self.max_drop),
        }
        if self.calibration is not None:
            found["calibration"] = {
                "split": "train",
                "samples": self.calibration.samples,
                "seed": self.calibration.seed,
                "sha256": self.calibration.sha256,
            }
        if self.float_operators:
            found["float_operators"] = list(self.float_operators)
        if self.fine_tuning is not None:
            found["fine_tuning"] = asdict(self.fine_tuning)
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read it back; raise `ValueError` when it is none."""
        try:
            if value["type"] not in get_args(PrecisionType):
                raise ValueError(f"unknown precision {value['type']!r}")
            stated = value.get("calibration")
            calibration = None
            if stated is not None:
                calibration = Calibration(int(stated["samples"]), int(stated["seed"]), str(stated["sha256"]))
            drops = {str(task): float(most) for task, most in value["max_drop"].items()}
            kept, returned = value["keep_float"], value.get("float_operators", ())
            tuned = value.get("fine_tuning")
            return cls(
                value["type"],
                tuple(map(str, kept)),
                drops,
                calibration,
                tuple(map(str, returned)),
                None if tuned is None else FineTuning(int(tuned["epochs"]), str(tuned["sha256"])),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"damaged precision ({type(error).__name__}: {error})") from error


FLOAT32 = Precision()


@dataclass(frozen=True)
class Tolerance:
    """What a file of some precision may differ by from the trained model.

    With `elementwise`, every number: `absolute + relative * |expected|`. Otherwise the root mean square over
    the real samples: `absolute + relative * spread`, the spread being the deviation of the expected
    answers from their mean; rounding to eight bits is as large at one pixel as the ranges make it.
    Values that have units are counted in deviations from their mean. `pictures` is the lowest PSNR in dB
    between the file's and the model's picture of a real sample.
    """

    absolute: float
    relative: float
    pictures: float
    elementwise: bool = True

    def allowed(self, expected: NDArray[np.float64], units: Units | None = None) -> NDArray[np.float64]:
        """Return what each number of an answer `[B, ...]` may differ by, same shape.

        >>> allowed = TOLERANCES["float32"].allowed(np.array([[3.0]]))
        >>> round(allowed.item(), 9)
        0.0004
        """
        if units is None:
            return self.absolute + self.relative * np.abs(expected)
        apart = self.absolute * units.std + self.relative * np.abs(expected - units.mean)
        # A large mean leaves float32 few digits for what differs from it.
        return apart + _ROUNDING * np.abs(expected)


TOLERANCES: Mapping[PrecisionType, Tolerance] = {
    "float32": Tolerance(1e-4, 1e-4, 60.0),
    "float16": Tolerance(5e-3, 1e-2, 45.0),
    "int8": Tolerance(2e-2, 0.25, 20.0, elementwise=False),
}

HALF = Tolerance(2e-2, 5e-2, 40.0)
"""What a float16 file may differ by where its sums are in half precision too, which no CPU's or GPU's are."""
