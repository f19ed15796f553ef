"""NYUv2, as LibMTL and MTAN publish it: indoor pictures with classes, depth and normals of every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ..forms import PixelClasses, PixelValues
from .dense_arrays import DenseArrays, Plane
from .folders import DATA_DIR
from .table_options import Side

CLASSES = (
    *("bed", "books", "ceiling", "chair", "floor", "furniture", "objects"),
    *("picture", "sofa", "table", "television", "wall", "window"),
)
"""The 13 classes, in order (SceneNet's names of those of Couprie et al. 2013)."""


class Nyuv2(DenseArrays):
    """NYUv2 indoors, 288 x 384: 795 pictures for training, 654 for testing (published as `val`).

    Reads `DATA_DIR/{train,val}/{image,label,depth,normal}/N.npy`, or the same below `nyuv2`: pictures
    `[H, W, 3]` in 0..1, kept as bytes; classes `[H, W]`, -1 for none; depth in metres `[H, W, 1]`, 0 where
    it is not known; normals `[H, W, 3]`, 0 where they are not known. Mirrored, a normal's first component
    changes its sign, as in the literature; where its second one points is not published, so leave quarter
    turns out.
    Source: Silberman, Hoiem, Kohli, Fergus, "Indoor segmentation and support inference from RGBD images",
    2012; prepared by Liu, Johns, Davison, "End-to-end multi-task learning with attention", 2019.
    """

    title = "NYUv2"
    folder = "nyuv2"
    published = {"train": 795, "test": 654}  # noqa: RUF012 - never changed

    def __init__(
        self,
        *,
        data_dir: Annotated[
            Path | None, Field(description=f"Folder with train and val; {DATA_DIR} when absent.")
        ] = None,
        size: Annotated[
            tuple[Side, Side], Field(description="Height and width of the arrays; none is scaled.")
        ] = (288, 384),
    ) -> None:
        super().__init__(data_dir, size)

    def planes(self) -> Mapping[str, Plane]:
        return {
            "segmentation": Plane(("label",), PixelClasses(CLASSES, *self.size)),
            "depth": Plane(("depth",), PixelValues(("depth",), *self.size, "m", positive=True)),
            "normals": Plane(
                ("normal",), PixelValues(("x", "y", "z"), *self.size, directed=True), 3, -1.01, 1.01
            ),
        }
