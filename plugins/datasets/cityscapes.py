"""Cityscapes, as LibMTL and MTAN publish it: streets with classes and inverse depth of every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..forms import PixelClasses, PixelValues
from .dense_arrays import DenseArrays, Plane
from .folders import DATA_DIR
from .table_options import Side


class Cityscapes(DenseArrays):
    """Cityscapes, 128 x 256: 2,975 pictures for training, 500 for testing (published as `val`).

    Reads `DATA_DIR/{train,val}/{image,label_7,depth}/N.npy` (`label` for `label_7` too), or the same below
    `cityscapes`: pictures `[H, W, 3]` in 0..1, kept as bytes; classes `[H, W]`, -1 for none; inverse depth
    `[H, W, 1]`, 0 where it is not known. The names of the groups of classes are not in the files: they are
    numbers here. The larger files of 256 x 512 are read with `size`.
    Source: Cordts et al., "The Cityscapes dataset for semantic urban scene understanding", 2016; prepared by
    Liu, Johns, Davison, "End-to-end multi-task learning with attention", 2019.
    """

    title = "Cityscapes"
    folder = "cityscapes"
    published = {"train": 2975, "test": 500}  # noqa: RUF012 - never changed

    def __init__(
        self,
        *,
        data_dir: Annotated[
            Path | None, Field(description=f"Folder with train and val; {DATA_DIR} when absent.")
        ] = None,
        size: Annotated[
            tuple[Side, Side], Field(description="Height and width of the arrays; none is scaled.")
        ] = (128, 256),
        classes: Annotated[Literal[2, 7, 19], Field(description="Which of the published label sets.")] = 7,
    ) -> None:
        super().__init__(data_dir, size)
        self.classes = classes

    def planes(self) -> Mapping[str, Plane]:
        names = tuple(str(number) for number in range(self.classes))
        return {
            "segmentation": Plane((f"label_{self.classes}", "label"), PixelClasses(names, *self.size)),
            "depth": Plane(("depth",), PixelValues(("inverse depth",), *self.size, positive=True)),
        }
