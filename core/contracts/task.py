"""The contract of a task: what is predicted from a batch, and how its view of the batch is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .batch import Batch
from .form import Form
from .randomness import Random
from .specs import DatasetSpec, InputSpec, Symmetry


class Task(ABC):
    """A task; its constructor takes `(dataset: DatasetSpec, *, options)`.

    It raises `Incompatible` when the data set has no labels for it. It sets `target_spec`, and where needed
    `needs` (label columns of the data set), `inputs` (extra model inputs), and the components it prefers
    to its target form's defaults: `head`, `loss` and `metrics`, each a name or a `{"name": ..., options}`.

    A view of a batch is made in this order: augmentations, the tasks' `transform`, their `prepare` (the
    result is the clean image, the target of reconstructions), their `corrupt`. `prepare` is also the first
    step inside the model and its export, so a user never repeats it by hand.

    `symmetry` says how the entries of the answer (classes, values) move when the image is turned or mirrored;
    None: they stay, as the class of a cat does. The pixels of an answered image always move.
    """

    target_spec: Form
    needs: tuple[str, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    head: str | Mapping[str, Any] | None = None
    loss: str | Mapping[str, Any] | None = None
    metrics: tuple[str | Mapping[str, Any], ...] | None = None
    symmetry: Symmetry | None = None

    def __init__(self, dataset: DatasetSpec) -> None:
        self.dataset = dataset

    @abstractmethod
    def target(self, batch: Batch) -> Tensor:
        """Return the target of every sample.

        int64 `[B]` for classes and yes/no (-1: absent); int8 `[B, K]` for attributes (-1: not known); float32
        `[B, n]` for values (NaN: absent); float32 `[B, C, H, W]` in 0..1 for images
        (usually `batch.image`, the clean one).
        """

    def transform(self, batch: Batch, random: Random) -> Batch:
        """Return the batch with image and labels changed (rotation), in training and in evaluation."""
        return batch

    def prepare(self, image: Tensor) -> Tensor:
        """Return the image after fixed preprocessing (binarisation): same shape, idempotent, in 0..1."""
        return image

    def corrupt(self, image: Tensor, random: Random) -> Tensor:
        """Return the image the model is to see instead of the clean one (noise): same shape, in 0..1."""
        return image

    def draw_inputs(self, batch: Batch, random: Random) -> Mapping[str, Tensor]:
        """Return a value for each of `inputs`, int64 `[B]`."""
        return {}

    @property
    def transforms(self) -> bool:
        """Whether `transform` changes anything."""
        return type(self).transform is not Task.transform

    @property
    def prepares(self) -> bool:
        """Whether `prepare` changes anything."""
        return type(self).prepare is not Task.prepare

    @property
    def corrupts(self) -> bool:
        """Whether `corrupt` changes anything."""
        return type(self).corrupt is not Task.corrupt
