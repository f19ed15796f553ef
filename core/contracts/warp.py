"""Images whose pixels were shifted or turned a little: where each pixel comes from, for labels to follow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .batch import MISSING, Batch
from .specs import DatasetSpec


@dataclass(frozen=True)
class Warp:
    """Which place of the old image is seen at each place of the new one, sample by sample.

    `matrix` `[B, 2, 3]` takes places `(x, y, 1)` of the new image to those of the old, as
    `torch.nn.functional.affine_grid` does: from -1 at the left and upper edge to 1 at the right and lower. It
    turns and shifts; where it does not turn (`turns`) it may stretch too. With `reflects`, what lies outside
    is the image mirrored at its outer pixels; otherwise nothing is there.
    """

    matrix: Tensor
    reflects: bool = False
    turns: bool = True

    def nearest(self, label: Tensor, outside: float | None = None) -> Tensor:
        """Return a value per pixel `[B, ..., H, W]` moved along, each taken from the nearest old pixel.

        `outside` is what comes from beyond the image; None: an absent label.

        >>> shift = Warp(torch.tensor([[[1.0, 0.0, 2 / 3], [0.0, 1.0, 0.0]]]))
        >>> shift.nearest(torch.tensor([[[5, 6, 7]]])).tolist()
        [[[6, 7, -1]]]
        """
        height, width = label.shape[-2:]
        grid = F.affine_grid(self.matrix, [len(label), 1, height, width], align_corners=False)
        columns, in_columns = self._places(grid[..., 0], width)
        rows, in_rows = self._places(grid[..., 1], height)
        flat = label.flatten(-2)
        middle = (1,) * (label.dim() - 3)
        index = (rows * width + columns).reshape(len(label), *middle, -1)
        moved = flat.gather(-1, index.expand_as(flat)).view_as(label)
        inside = (in_rows & in_columns).reshape(len(label), *middle, height, width)
        return moved.masked_fill(~inside, _absent(label) if outside is None else outside)

    def moved(self, places: Tensor) -> Tensor:
        """Return where places `[B, K, 2]` of the old image are in the new, NaN for outside; x and y in 0..1.

        >>> shift = Warp(torch.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]]))
        >>> shift.moved(torch.tensor([[[0.5, 0.5], [0.125, 0.5]]])).tolist()
        [[[0.25, 0.5], [nan, nan]]]
        """
        away = 2.0 * places - 1.0 - self.matrix[:, None, :, 2]
        right, down = away[..., 0], away[..., 1]
        a, b, c, d = (self.matrix[:, row, column, None] for row in (0, 1) for column in (0, 1))
        scale = 2.0 * (a * d - b * c)
        across, upright = (d * right - b * down) / scale + 0.5, (a * down - c * right) / scale + 0.5
        found = torch.stack([across, upright], dim=-1)
        inside = ((found >= 0.0) & (found <= 1.0)).all(dim=-1, keepdim=True)
        return found.masked_fill(~inside, float("nan"))

    def turned(self, right: Tensor, up: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return directions turned with the images, from their components `[B, ...]` to the right and up."""
        if not self.turns:
            return right, up
        # From the new image to the old one the plane turns by this angle, and a direction back by it.
        shape = (-1, *[1] * (right.dim() - 1))
        cosine = self.matrix[:, 0, 0].view(shape)
        sine = (self.matrix[:, 1, 0] * (height / width)).view(shape)
        return cosine * right - sine * up, sine * right + cosine * up

    def _places(self, coordinate: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Return the nearest pixel of each place along one side, and whether it is in the image."""
        place = (((coordinate + 1.0) * size - 1.0) / 2.0).round().long()
        if self.reflects:
            place = place.abs()
            place = torch.where(place > size - 1, 2 * (size - 1) - place, place)
        within = place.clamp(0, size - 1)
        return within, within == place


def warp_labels(batch: Batch, warp: Warp, dataset: DatasetSpec) -> dict[str, Tensor]:
    """Return the labels of a batch whose images were warped: those that move with pixels moved along."""
    return {
        name: dataset.labels[name].warp(label, warp) if name in dataset.labels else label
        for name, label in batch.labels.items()
    }


def _absent(label: Tensor) -> float:
    """Return what says that a value is absent: NaN, -1, and 255 in bytes, which have no -1."""
    if label.is_floating_point():
        return float("nan")
    return MISSING % 256 if label.dtype == torch.uint8 else MISSING
