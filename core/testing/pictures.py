"""A tiny data set of the kit's own: distinct pictures with a label column of every form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..contracts import Columns, Dataset, Form, no_images
from ..contracts.randomness import generator
from ..contracts.specs import NO_IMAGE, DatasetSpec, ImageSpec, Symmetry
from .kit_task import VECTOR
from .stated_forms import formed

SIDES = Symmetry((1, 2, 3, 0), (0, 3, 2, 1))
"""How four values move that are those of the top, the right, the bottom and the left of a picture."""

_BLOCKS = 4
_HOLE = 5
"""Every so many numbers one is absent, where single ones may be."""


class Pictures(Dataset):
    """Pictures of random blocks with some noise, and label columns of the forms that are named.

    A column of four quantities is that of the picture's sides, so it turns and mirrors with it. Labels have
    nothing to do with the pixels: a model can only learn them by heart.
    """

    def __init__(
        self,
        *,
        channels: Annotated[int, Field(ge=1, description="Channels.")] = 1,
        height: Annotated[int, Field(ge=1, description="Height in pixels.")] = 16,
        width: Annotated[int, Field(ge=1, description="Width in pixels.")] = 16,
        labels: Annotated[
            dict[str, dict[str, Any]], Field(description="Form of each label column, by its name.")
        ] = {},  # noqa: B006 - never changed
        pictured: Annotated[bool, Field(description="Whether there are pictures.")] = True,
        vector: Annotated[bool, Field(description="Whether there is a vector, with some holes.")] = False,
    ) -> None:
        self.image = ImageSpec(channels, height, width)
        self.pictured = pictured
        self.inputs = (VECTOR,) if vector else ()
        self.labels = {name: formed(value) for name, value in labels.items()}

    def spec(self) -> DatasetSpec:
        symmetries = {name: SIDES for name, form in self.labels.items() if form.quantities == 4}
        image = self.image if self.pictured else NO_IMAGE
        return DatasetSpec(image, self.labels, symmetries, self.inputs)

    def load(self) -> Mapping[str, Columns]:
        return {"train": self._draw(24, 0), "test": self._draw(8, 1)}

    def _draw(self, count: int, seed: int) -> Columns:
        random = np.random.default_rng(seed)
        channels, height, width = self.image.shape
        blocks = random.integers(30, 226, size=(count, channels, _BLOCKS, _BLOCKS))
        rows = np.arange(height) * _BLOCKS // height
        columns = np.arange(width) * _BLOCKS // width
        image = blocks[:, :, rows][..., columns] + random.integers(-30, 30, (count, channels, height, width))
        labels = {
            name: _column(form, count, place, random)
            for place, (name, form) in enumerate(self.labels.items())
        }
        labels |= {item.name: item.draw(count, random) for item in self.inputs}
        return Columns(image.astype(np.uint8) if self.pictured else no_images(count), labels)


def _column(form: Form, count: int, place: int, random: np.random.Generator) -> NDArray[Any]:
    """Return real numbers at random; whole ones about equally often, in another order in each column."""
    shape = (count, *form.target_shape)
    width = int(np.prod(form.target_shape))
    if form.highest is None:
        # Above 0, as distances must be.
        column = form.predict_array(np.float32(1.0) - random.random(shape, dtype=np.float32))
        if form.column_problem(column, count) is not None:  # not any real numbers will do
            column = form.draw(count, generator("cpu", 0, "targets", place)).numpy()
    else:
        numbers = np.arange(count)[:, None] // 2 ** ((np.arange(width) + place) % 8)
        column = np.asarray(numbers % (form.highest + 1), dtype=form.dtype).reshape(shape)
    if form.partial:
        column.reshape(-1)[_HOLE::_HOLE] = form.absent
    return column
