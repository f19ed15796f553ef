"""The contract of an augmentation: changes training batches on the device, labels with pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from .batch import Batch
from .randomness import Random
from .specs import DatasetSpec


class Augmentation(ABC):
    """Applied to whole training batches before any task sees them; never at evaluation.

    An augmentation that moves pixels moves labels (`transform_square`). One that `mixes` makes one image of
    two and says so (`Batch.mixture`): it comes last, and tasks that cannot have two answers are refused. The
    constructor takes the `DatasetSpec`, then keyword-only options; it raises `Incompatible` when it cannot
    serve the data set.

    One that changes each sample by itself, whatever else is in the batch, says so (`by_sample`): of several
    processes that train one model each then gives it the samples of its own rows alone.
    """

    mixes: bool = False
    by_sample: bool = False

    def __init__(self, dataset: DatasetSpec) -> None:
        self.dataset = dataset

    @abstractmethod
    def __call__(self, batch: Batch, random: Random) -> Batch:
        """Return the changed batch; images stay float32 `[B, C, H, W]` in 0..1, same shape."""

    def reads(self, rows: Tensor, count: int) -> Tensor:
        """Return which of `count` samples it must be given so that those at `rows` come out right.

        Both int64 `[n]`, ascending; the answer holds `rows`. What it is given is the batch for it, with the
        random numbers of those samples. All of them, unless it is `by_sample`.
        """
        return rows if self.by_sample else torch.arange(count, device=rows.device)
