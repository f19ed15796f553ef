"""Samples on the device: uint8 images, vectors and label columns, gathered into batches by index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import ComponentError, UsageError
from ..contracts import Columns, Dataset, Form
from ..contracts.batch import Batch
from ..contracts.inputs import column_problem
from ..contracts.randomness import generator
from ..contracts.specs import DatasetSpec
from ..discovery.declared import ask, require_answer
from .pages import Pages, read_only_tensor
from .picture_storage import Memory
from .prepared import load_prepared

_PART = 1 << 24
"""Pixels that are counted at once."""


@dataclass(frozen=True)
class Samples:
    """One split: images in a store uint8 `[M, C, H, W]` and label columns of length N, on a device.

    `rows` int64 `[N]` are the split's images in the store (None: all of them, in order): splits share a
    store, and no image is held twice. With `streams_to` it stays in host memory, pinned where there is CUDA,
    and batches travel to that device. With `pages` the store is a file that is mapped: what is read of it
    comes and goes. `vectors` names the columns that are inputs of the model.
    """

    store: Tensor
    labels: dict[str, Tensor]
    streams_to: torch.device | None = None
    rows: Tensor | None = None
    pages: Pages | None = None
    vectors: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.store if self.rows is None else self.rows)

    @property
    def image(self) -> Tensor:
        """All images of the split, uint8 `[N, C, H, W]`; a copy where they are a part of the store."""
        whole = self.rows is None and self.pages is None
        return self.store if whole else self.pixels(torch.arange(len(self), device=self.home))

    @property
    def shape(self) -> tuple[int, ...]:
        """`(C, H, W)` of one image."""
        return tuple(self.store.shape[1:])

    @property
    def streams(self) -> bool:
        """Whether batches travel to the device one by one."""
        return self.streams_to is not None

    @property
    def home(self) -> torch.device:
        """Where the samples lie, and where the indices of a batch belong."""
        return self.store.device

    @property
    def device(self) -> torch.device:
        """Where batches are."""
        return self.streams_to or self.store.device

    def pixels(self, indices: Tensor) -> Tensor:
        """Return the images at int64 `indices` `[B]`, uint8 `[B, C, H, W]`, where the samples lie."""
        if self.pages is not None:
            self.pages.about_to_read(len(indices), prod(self.shape))
        # `index_select` copies whole rows; indexing would look at every byte, seven times as slowly.
        return self.store.index_select(0, self._rows(indices))

    def select(self, indices: Tensor) -> Samples:
        """Return the samples at int64 `indices`, in that order; images are not copied."""
        labels = {name: column.index_select(0, indices) for name, column in self.labels.items()}
        return replace(self, labels=labels, rows=self._rows(indices))

    def first(self, count: int) -> Samples:
        """Return the first samples, at most `count`."""
        return self.select(torch.arange(min(count, len(self)), device=self.home))

    def _rows(self, indices: Tensor) -> Tensor:
        return indices if self.rows is None else self.rows.index_select(0, indices)

    def batch(self, indices: Tensor, images: Tensor | None = None) -> Batch:
        """Return the samples at int64 `indices` `[B]` with images as float32 in 0..1.

        `images` are those of `pixels`, where they have been gathered before. With `streams_to` bytes travel,
        and become floats on the device.
        """
        device = self.streams_to
        indices = indices.to(self.home)

        def sent(gathered: Tensor) -> Tensor:
            if device is None:
                return gathered
            if device.type == "cuda":
                gathered = gathered.pin_memory()
            return gathered.to(device, non_blocking=True)

        pixels = self.pixels(indices) if images is None else images
        image = sent(pixels).to(torch.float32).mul_(1.0 / 255.0)
        labels = {name: sent(column.index_select(0, indices)) for name, column in self.labels.items()}
        return Batch(image, labels, {name: labels[name] for name in self.vectors})

    def slices(self, batch_size: int) -> Iterator[Tensor]:
        """Yield the indices of all samples in order, `batch_size` at a time."""
        yield from torch.arange(len(self), device=self.home).split(batch_size)

    def to(self, device: torch.device | str) -> Samples:
        """Return the samples on a device; only their own images travel there."""
        if torch.device(device) == self.home:
            return replace(self, streams_to=None)
        image = torch.empty((len(self), *self.shape), dtype=torch.uint8, device=device)
        for indices in self.slices(max(1, _PART // max(1, prod(self.shape)))):
            image[int(indices[0]) : int(indices[-1]) + 1] = self.pixels(indices).to(device)
        labels = {name: column.to(device) for name, column in self.labels.items()}
        return Samples(image, labels, vectors=self.vectors)

    def streamed_to(self, device: torch.device) -> Samples:
        """Return the samples in host memory, their batches on a device."""
        return replace(self, streams_to=device)


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set; test is never used to choose.

    Validation is carved from train, unless the data set has its own. `remarks` is what the data set left out
    or changed, line by line.
    """

    train: Samples
    validation: Samples
    test: Samples
    own_validation: bool = False
    remarks: tuple[str, ...] = ()

    def named(self, name: str) -> Samples:
        """Return a split by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    def to(self, device: torch.device | str) -> Splits:
        """Return the splits on a device."""
        return self._each(lambda part: part.to(device))

    def streamed_to(self, device: torch.device) -> Splits:
        """Return the splits in host memory, their batches on a device."""
        return self._each(lambda part: part.streamed_to(device))

    def _each(self, moved: Callable[[Samples], Samples]) -> Splits:
        return replace(
            self, train=moved(self.train), validation=moved(self.validation), test=moved(self.test)
        )

    @property
    def mapped(self) -> bool:
        """Whether the images are in a file, of which parts come and go."""
        return self.train.pages is not None

    @property
    def size(self) -> int:
        """Bytes of all images."""
        parts = (self.train, self.validation, self.test)
        return sum(len(part) * prod(part.shape) for part in parts)


def load_splits(
    dataset: Dataset,
    *,
    validation: float,
    split_seed: int,
    choice: Mapping[str, Any] | None = None,
    label: str | None = None,
    memory: Memory = "auto",
) -> Splits:
    """Load a data set and carve the validation split from train by a seeded permutation, unless it has one.

    Given its `choice` (name and options), it comes from the cache when nothing changed. `label` is what
    messages call it. `memory` says where the images are to lie.

    Raises `ComponentError` when the data set breaks its contract, `UsageError` when it is too small.
    """
    label = label or type(dataset).__name__
    spec: DatasetSpec = ask(label, dataset, "spec")

    names = tuple(item.name for item in spec.inputs)

    def check(splits: Mapping[str, Columns]) -> None:
        require_answer(label, dataset, "load", splits)
        for name in ("train", "test"):
            if name not in splits:
                raise ComponentError(f"{label} gave no split {name!r}")
        for name in ("train", "validation", "test"):
            if name in splits:
                check_columns(splits[name], spec, f"{label}: {name}")
        if "validation" in splits and not len(splits["validation"]):
            raise ComponentError(f"{label} gave a split 'validation' without samples")

    loaded = load_prepared(dataset, choice, check, memory, label)
    parts = {name: _samples(columns, loaded.pages, names) for name, columns in loaded.splits.items()}
    train, test, own = parts["train"], parts["test"], parts.get("validation")
    count = ceil(len(train) * validation) if own is None else 0
    if len(train) - count < 1 or len(test) < 1:
        raise UsageError(
            f"the data set is too small: {len(train)} training and {len(test)} test samples, "
            f"of which {count} would be for validation",
            hint="lower train.validation or add data",
        )
    if own is not None:
        return Splits(train, own, test, own_validation=True, remarks=loaded.remarks)
    order = torch.randperm(len(train), generator=generator("cpu", split_seed, "validation split"))
    chosen, kept = order[:count].sort().values, order[count:].sort().values
    return Splits(train.select(kept), train.select(chosen), test, remarks=loaded.remarks)


def check_columns(columns: Columns, spec: DatasetSpec, split: str) -> None:
    """Raise `ComponentError` when columns are not what the spec says: types, shapes, lengths, ranges.

    `split` is what the message begins with.
    """
    image, shape = columns.image, spec.image.kept_shape
    if image.dtype != np.uint8 or image.shape[1:] != shape:
        raise ComponentError(
            f"{split}: images must be uint8 {['N', *shape]}, got {image.dtype} {list(image.shape)}"
        )
    _check_rows(columns, split)
    for item in spec.inputs:
        if item.name not in columns.labels:
            raise ComponentError(f"{split}: the input {item.name!r} is promised but missing")
        if problem := column_problem(item, columns.labels[item.name], len(columns)):
            raise ComponentError(f"{split}: the input {item.name!r} {problem}")
    for name, form in spec.labels.items():
        if name not in columns.labels:
            raise ComponentError(f"{split}: label column {name!r} is promised but missing")
        if problem := form.column_problem(columns.labels[name], len(columns)):
            raise ComponentError(f"{split}: label column {name!r} {problem}")


def _check_rows(columns: Columns, split: str) -> None:
    rows, count = columns.rows, len(columns.image)
    if rows is None:
        return
    if rows.dtype != np.int64 or rows.ndim != 1:
        raise ComponentError(f"{split}: rows must be int64 ['N'], got {rows.dtype} {list(rows.shape)}")
    if len(rows) and (rows.min() < 0 or rows.max() >= count):
        raise ComponentError(f"{split}: rows must lie in 0..{count - 1}, got {rows.min()}..{rows.max()}")


def count_labels(
    splits: Splits, needs: Mapping[str, Sequence[str]], spec: DatasetSpec
) -> dict[str, dict[str, int]]:
    """Return how many samples of each split have all the labels that a task needs, by task.

    `needs` are the tasks' columns, `spec` says their forms; a task that needs none is left out.
    """
    counts: dict[str, dict[str, int]] = {}
    for task, columns in needs.items():
        for split in ("train", "validation", "test") if columns else ():
            samples = splits.named(split)
            there = torch.ones(len(samples), dtype=torch.bool, device=samples.home)
            for column in columns:
                known = spec.labels[column].present(samples.labels[column])
                there = there if known is None else there & known
            counts.setdefault(task, {})[split] = int(there.sum())
    return counts


def refuse_unlabelled(splits: Splits, needs: Mapping[str, Sequence[str]], spec: DatasetSpec) -> None:
    """Raise `UsageError` when a split has no label at all in a column that a task needs.

    `needs` are the tasks' columns, `spec` says their forms. Found before anything is trained.
    """
    for task, columns in needs.items():
        for split in ("train", "validation", "test"):
            for column in columns:
                there = spec.labels[column].present(splits.named(split).labels[column])
                if there is not None and not there.any():
                    raise UsageError(
                        f"task {task!r} needs {column!r}, and no sample of the {split} split has it",
                        hint="leave the task out, label some samples, or change train.validation",
                    )
    for task, columns in needs.items():
        for column in columns:
            _refuse_untaught(task, column, spec.labels[column], splits.train.labels[column])


def _refuse_untaught(task: str, column: str, form: Form, target: Tensor) -> None:
    """Raise `UsageError` when a part of an answer that has a name has no training label."""
    if not (form.partial and form.entries and target.dim() == 2):
        return
    for name, known in zip(form.labels, form.known(target).any(dim=0).tolist(), strict=True):
        if not known:
            raise UsageError(
                f"task {task!r} needs {name!r} of {column!r}, and no sample of the train split has it",
                hint=f"leave {name!r} out of the column, or label some samples",
            )


def channel_statistics(samples: Samples) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation per channel, of images in 0..1; a constant channel has 1."""
    mean, std = [], []
    # A count of values is a sum over parts; all at once it would need eight bytes per pixel.
    size = max(1, _PART // max(1, prod(samples.shape)))
    histogram = torch.zeros(samples.shape[0], 256, dtype=torch.int64, device=samples.home)
    for indices in samples.slices(size):
        for counts, pixels in zip(histogram, samples.pixels(indices).transpose(0, 1), strict=True):
            counts += torch.bincount(pixels.flatten(), minlength=256)
    for counts in histogram.double():
        values = torch.arange(256, dtype=torch.float64, device=counts.device) / 255.0
        average = (counts * values).sum() / counts.sum()
        variance = (counts * (values - average) ** 2).sum() / counts.sum()
        mean.append(float(average))
        std.append(float(variance.sqrt()) or 1.0)
    return mean, std


def _samples(columns: Columns, pages: Pages | None, vectors: tuple[str, ...]) -> Samples:
    labels = {name: _tensor(value) for name, value in columns.labels.items()}
    store = _tensor(columns.image) if pages is None else read_only_tensor(columns.image)
    rows = None if columns.rows is None else _tensor(columns.rows)
    return Samples(store, labels, rows=rows, pages=pages, vectors=vectors)


def _tensor(values: NDArray[Any]) -> Tensor:
    """Return values in memory of their own where they cannot be written: a tensor always can be."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))
