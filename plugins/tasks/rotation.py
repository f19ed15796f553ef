"""The self-supervised task of telling how far an image was turned."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.base.errors import Incompatible
from ...core.contracts import Task
from ...core.contracts.batch import Batch
from ...core.contracts.randomness import Random
from ...core.contracts.specs import DatasetSpec, Symmetry
from ...core.contracts.symmetry import transform_square
from ..forms import Categorical

_TURNS = "rotation:turns"


class Rotation(Task):
    """Turns every image by 0, 90, 180 or 270 degrees counter-clockwise and predicts which.

    Labels of other tasks move with the pixels. After Gidaris, Singh, Komodakis (2018), "Unsupervised
    Representation Learning by Predicting Image Rotations". Raises `Incompatible` unless images are square.
    """

    target_spec = Categorical(("0", "90", "180", "270"))
    # Turned once more, an image at 90 degrees is one at 180; mirrored, it is a mirrored one at 270.
    symmetry = Symmetry(quarter_turn=(3, 0, 1, 2), mirror=(0, 3, 2, 1))

    def __init__(self, dataset: DatasetSpec) -> None:
        super().__init__(dataset)
        if dataset.image.height != dataset.image.width:
            raise Incompatible(f"needs a square image, got {dataset.image.height} x {dataset.image.width}")

    def transform(self, batch: Batch, random: Random) -> Batch:
        """Return the batch with each image turned by a random number of quarters, and the turn as a label."""
        turns = random.integers(4)
        moved = transform_square(batch, turns, torch.zeros_like(turns, dtype=torch.bool), self.dataset)
        # A second rotation task turns further; both then ask for the whole turn.
        whole = (batch.labels[_TURNS] + turns) % 4 if _TURNS in batch.labels else turns
        return Batch(moved.image, {**moved.labels, _TURNS: whole}, moved.inputs)

    def target(self, batch: Batch) -> Tensor:
        """Return the number of quarter turns counter-clockwise, int64 `[B]`."""
        return batch.labels[_TURNS]
