"""The contract of an augmentation: changes training batches on the device, labels with pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .batch import Batch
from .randomness import Random
from .specs import DatasetSpec


class Augmentation(ABC):
    """Applied to whole training batches before any task sees them; never at evaluation.

    An augmentation that moves pixels moves labels (`transform_square`). One that `mixes` makes one image of
    two and says so (`Batch.mixture`): it comes last, and tasks that cannot have two answers are refused. The
    constructor takes the `DatasetSpec`, then keyword-only options; it raises `Incompatible` when it cannot
    serve the data set.
    """

    mixes: bool = False

    def __init__(self, dataset: DatasetSpec) -> None:
        self.dataset = dataset

    @abstractmethod
    def __call__(self, batch: Batch, random: Random) -> Batch:
        """Return the changed batch; images stay float32 `[B, C, H, W]` in 0..1, same shape."""
