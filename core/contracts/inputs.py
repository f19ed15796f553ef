"""What a model reads beside its image, by name: whole numbers, and vectors of named columns. No torch.

>>> row = VectorSpec("row", ("age", "weight"), {"colour": ("red", "blue")})
>>> row.encode({"age": 3, "colour": "blue"}), row.shape
([3.0, nan, 1.0], (3,))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite, nan
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

HOLES = ("", "nan", "null", "?")
"""Cells of a table that mean no value, in any case."""

IMAGE = "image"
"""The name of the image among the inputs of a model."""


@dataclass(frozen=True)
class InputSpec:
    """An extra model input beside the image: one whole number per sample in `0..count - 1`, int64 `[B]`.

    The model encodes it as a one-hot vector of width `count`.
    """

    name: str
    count: int
    description: str = ""

    dtype: ClassVar[str] = "int64"
    shape: ClassVar[tuple[int, ...]] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the input as plain JSON values."""
        return asdict(self)

    def meaning(self) -> str:
        """Return in words what the input holds."""
        return f"{self.description or 'a whole number'} (0..{self.count - 1})"

    def draw(
        self, count: int, random: np.random.Generator, like: NDArray[Any] | None = None
    ) -> NDArray[np.int64]:
        """Return values that could be real, `[count]`."""
        return random.integers(0, self.count, count)


@dataclass(frozen=True)
class VectorSpec:
    """An input of named numbers and named categories, raw: float32 `[B, width]`, numbers first.

    A number stands as it is, a category as the place of its name, counted from 0. NaN is a hole: not known.
    So is a category's place that has no name. `categories` are the names by column.

    What an encoder sees of it is prepared inside the model (`core/composition/preparation.py`) and is float32
    `[B, prepared]`: numbers standardised by the training rows with holes at their mean, then for each
    number whether it was a hole, then for each category which it is, one-hot, with a last place for a hole.
    """

    name: str
    numbers: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    description: str = ""

    dtype: ClassVar[str] = "float32"

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError(f"the vector {self.name!r} has neither a number nor a category")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"the vector {self.name!r} has two columns of one name")
        if empty := [column for column, names in self.categories.items() if not names]:
            raise ValueError(f"the category {empty[0]!r} of the vector {self.name!r} has no names")

    def __hash__(self) -> int:
        return hash((self.name, self.numbers, tuple(self.categories.items())))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return (*self.numbers, *self.categories)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample's raw values."""
        return (len(self.columns),)

    @property
    def choices(self) -> tuple[int, ...]:
        """How many places each category has once prepared: one per name, and one for a hole."""
        return tuple(len(names) + 1 for names in self.categories.values())

    @property
    def prepared(self) -> int:
        """How many numbers the prepared vector has."""
        return 2 * len(self.numbers) + sum(self.choices)

    def encode(self, row: Mapping[str, Any]) -> list[float]:
        """Return a row's values in order; a column that is missing, null or has no such name is a hole.

        Raises `ValueError`, naming the column, for what is no number, and for a column that there is not.
        """
        if unknown := [column for column in row if column not in self.columns]:
            raise ValueError(f"there is no column {unknown[0]!r}; columns: {', '.join(self.columns)}")
        values = [_number(column, row.get(column)) for column in self.numbers]
        return values + [_place(names, row.get(column)) for column, names in self.categories.items()]

    def to_json(self) -> dict[str, Any]:
        """Return the input as plain JSON values."""
        return {
            "name": self.name,
            "numbers": list(self.numbers),
            "categories": {column: list(names) for column, names in self.categories.items()},
            "description": self.description,
        }

    def meaning(self) -> str:
        """Return in words what the input holds."""
        categories = [f"{column} (0..{len(names) - 1})" for column, names in self.categories.items()]
        return f"{', '.join((*self.numbers, *categories))}; NaN where not known"

    def texts(self, values: NDArray[Any]) -> dict[str, list[str]]:
        """Return what raw values `[N, width]` say, by column: numbers, names, and `?` for a hole."""
        columns = zip(self.columns, values.T.tolist(), strict=True)
        return {column: [self._text(column, value) for value in cells] for column, cells in columns}

    def _text(self, column: str, value: float) -> str:
        names = self.categories.get(column)
        if value != value or (names is not None and not 0 <= value < len(names)):
            return "?"
        return f"{value:g}" if names is None else names[int(value)]

    def draw(
        self, count: int, random: np.random.Generator, like: NDArray[Any] | None = None
    ) -> NDArray[np.float32]:
        """Return values that could be real, `[count, width]`, some of them holes.

        Numbers lie between the least and the largest of the rows `like` (None: of 0 and 1).
        """
        drawn: list[NDArray[Any]] = [
            random.uniform(*_range(like, index), count) for index in range(len(self.numbers))
        ]
        drawn += [random.integers(0, len(names), count) for names in self.categories.values()]
        values = np.stack([np.asarray(column, np.float32) for column in drawn], axis=1)
        values[random.random(values.shape) < 0.1] = nan
        return values


ModelInput = InputSpec | VectorSpec
"""An input of a model beside its image."""


@dataclass(frozen=True)
class Vectors:
    """What an encoder reads where there is no image: prepared vectors side by side, float32 `[B, size]`."""

    parts: tuple[VectorSpec, ...]

    @property
    def size(self) -> int:
        """How many numbers they have together."""
        return sum(part.prepared for part in self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample's prepared vectors."""
        return (self.size,)

    def __str__(self) -> str:
        return f"vectors {', '.join(part.name for part in self.parts)} [{self.size}]"


def names_of_inputs(pictured: bool, inputs: Sequence[ModelInput]) -> tuple[str, ...]:
    """Return the names of a model's inputs in order: the image where there is one, then the others.

    >>> names_of_inputs(True, [InputSpec("number", 10)])
    ('image', 'number')
    """
    return (*((IMAGE,) if pictured else ()), *(item.name for item in inputs))


def vectors_among(inputs: Sequence[ModelInput]) -> tuple[VectorSpec, ...]:
    """Return the vectors among inputs, in order."""
    return tuple(item for item in inputs if isinstance(item, VectorSpec))


def numbers_among(inputs: Sequence[ModelInput]) -> tuple[InputSpec, ...]:
    """Return the whole numbers among inputs, in order."""
    return tuple(item for item in inputs if isinstance(item, InputSpec))


def column_problem(spec: VectorSpec, column: NDArray[Any], rows: int) -> str | None:
    """Return why a data set's column cannot be the input, or None: type, shape, infinities, places."""
    if column.dtype != np.float32 or column.shape != (rows, *spec.shape):
        return f"must be float32 {[rows, *spec.shape]}, got {column.dtype} {list(column.shape)}"
    if np.isinf(column).any():
        return "holds an infinite value; NaN stands for a hole"
    for index, (name, names) in enumerate(spec.categories.items(), len(spec.numbers)):
        places = column[:, index][~np.isnan(column[:, index])]
        if (places != np.rint(places)).any() or (places >= len(names)).any() or (places < 0).any():
            return f"has in its category {name!r} a value that is no place in 0..{len(names) - 1}"
    return None


def _range(like: NDArray[Any] | None, index: int) -> tuple[float, float]:
    known = np.zeros(0) if like is None else like[:, index][np.isfinite(like[:, index])]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def _number(column: str, value: Any) -> float:
    if value is None or value == "":
        return nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{column!r} is {value!r:.40}, no number") from None
    if isinstance(value, bool) or not (isfinite(number) or number != number):
        raise ValueError(f"{column!r} is {value!r:.40}, no finite number")
    return number


def _place(names: Sequence[str], value: Any) -> float:
    text = str(value)
    return float(names.index(text)) if value is not None and text in names else nan
