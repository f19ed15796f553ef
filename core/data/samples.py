"""Samples on the device: uint8 images, vectors and label columns, gathered into batches by index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.errors import ComponentError, UsageError
from ..contracts import Columns, Dataset, Form
from ..contracts.batch import Batch
from ..contracts.randomness import generator
from ..contracts.specs import DatasetSpec
from ..discovery.declared import ask, require_answer
from .column_checks import check_columns
from .pages import AboutToRead, Pages, read_only_tensor
from .picture_storage import Memory
from .prepared import load_prepared

_PART = 1 << 22
"""Bytes of images or maps that are looked at once."""


class Stored(NamedTuple):
    """What is read from the stores for a batch: images uint8 `[B, C, H, W]`, and maps `[B, ...]`."""

    images: Tensor
    maps: Mapping[str, Tensor]


@dataclass(frozen=True)
class Samples:
    """One split: images in a store uint8 `[M, C, H, W]` and label columns of length N, on a device.

    `maps` are label columns with numbers for each pixel, in stores `[M, ...]`. `rows` int64 `[N]` are the
    split's images and maps in the stores (None: all of them, in order): splits share a store, and nothing is
    held twice. With `streams_to` it stays in host memory, pinned where there is CUDA, and batches travel to
    that device. With `pages` the stores are a file that is mapped: what is read of it comes and goes.
    `shards` int64 `[N]`, on the CPU, says which part of the data's files a sample is from.
    `vectors` names the columns that are inputs of the model.
    """

    store: Tensor
    labels: dict[str, Tensor]
    streams_to: torch.device | None = None
    rows: Tensor | None = None
    pages: Pages | None = None
    vectors: tuple[str, ...] = ()
    maps: Mapping[str, Tensor] = field(default_factory=dict)
    shards: Tensor | None = None

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
        return self._gathered(self.store, indices)

    def column(self, name: str, indices: Tensor) -> Tensor:
        """Return a label column, or map, of the samples at int64 `indices` `[B]`, where they lie."""
        if name in self.maps:
            return self._gathered(self.maps[name], indices)
        return self.labels[name].index_select(0, indices)

    def parts_of(self, name: str) -> Iterator[Tensor]:
        """Yield a label column part by part: of a map, few samples at once."""
        if name in self.maps:
            size = max(1, _PART // max(1, self.maps[name][:1].nbytes))
            yield from (self.column(name, indices) for indices in self.slices(size))
        else:
            yield self.labels[name]

    def select(self, indices: Tensor) -> Samples:
        """Return the samples at int64 `indices`, in that order; images and maps are not copied."""
        labels = {name: column.index_select(0, indices) for name, column in self.labels.items()}
        shards = None if self.shards is None else self.shards.index_select(0, indices.cpu())
        return replace(self, labels=labels, rows=self._rows(indices), shards=shards)

    def first(self, count: int) -> Samples:
        """Return the first samples, at most `count`."""
        return self.select(torch.arange(min(count, len(self)), device=self.home))

    def _gathered(self, store: Tensor, indices: Tensor) -> Tensor:
        if self.pages is not None:
            self.pages.about_to_read(len(indices), prod(store.shape[1:]) * store.itemsize)
        # `index_select` copies whole rows; indexing would look at every byte, seven times as slowly.
        return store.index_select(0, self._rows(indices))

    def _rows(self, indices: Tensor) -> Tensor:
        return indices if self.rows is None else self.rows.index_select(0, indices)

    def stored(self, indices: Tensor) -> Stored:
        """Return the images and maps at int64 `indices` `[B]`, where the samples lie."""
        maps = {name: self._gathered(store, indices) for name, store in self.maps.items()}
        return Stored(self.pixels(indices), maps)

    @property
    def sources(self) -> tuple[Tensor, ...]:
        """What a batch is gathered from: the stores of images and maps, and the label columns."""
        return self.store, *self.maps.values(), *self.labels.values()

    def gathered(self, indices: Tensor) -> tuple[Tensor, ...]:
        """Return the samples at int64 `indices` `[B]` of each of the `sources`, where they lie."""
        indices = indices.to(self.home)
        stores = (self.store, *self.maps.values())
        columns = (column.index_select(0, indices) for column in self.labels.values())
        return *(self._gathered(store, indices) for store in stores), *columns

    def gather_into(self, parts: Sequence[Tensor], indices: Tensor) -> None:
        """Write what `gathered` returns into tensors of those shapes."""
        indices = indices.to(self.home)
        stores = 1 + len(self.maps)
        rows = self._rows(indices)
        for number, (source, part) in enumerate(zip(self.sources, parts, strict=True)):
            if number < stores and self.pages is not None:
                self.pages.about_to_read(len(indices), prod(source.shape[1:]) * source.itemsize)
            torch.index_select(source, 0, rows if number < stores else indices, out=part)

    def made(self, parts: Sequence[Tensor]) -> Batch:
        """Return what was `gathered`, wherever it is now, with images as float32 in 0..1."""
        image = parts[0].to(torch.float32).mul_(1.0 / 255.0)
        found = dict(zip((*self.maps, *self.labels), parts[1:], strict=True))
        labels = {name: found[name] for name in (*self.labels, *self.maps)}
        return Batch(image, labels, {name: labels[name] for name in self.vectors})

    def batch(self, indices: Tensor, stored: Stored | None = None) -> Batch:
        """Return the samples at int64 `indices` `[B]` with images as float32 in 0..1.

        `stored` is what has been gathered of them before. With `streams_to` bytes travel, and become floats
        on the device.
        """
        indices = indices.to(self.home)
        stored = stored or self.stored(indices)
        columns = (column.index_select(0, indices) for column in self.labels.values())
        parts = [stored.images, *stored.maps.values(), *columns]
        if self.streams_to is not None:
            if self.streams_to.type == "cuda":
                parts = [part.pin_memory() for part in parts]
            parts = [part.to(self.streams_to, non_blocking=True) for part in parts]
        return self.made(parts)

    def slices(self, batch_size: int) -> Iterator[Tensor]:
        """Yield the indices of all samples in order, `batch_size` at a time."""
        yield from torch.arange(len(self), device=self.home).split(batch_size)

    def to(self, device: torch.device | str) -> Samples:
        """Return the samples on a device; only their own images and maps travel there."""
        if torch.device(device) == self.home:
            return replace(self, streams_to=None)

        def moved(store: Tensor) -> Tensor:
            found = torch.empty((len(self), *store.shape[1:]), dtype=store.dtype, device=device)
            for indices in self.slices(max(1, _PART // max(1, store[:1].nbytes))):
                found[int(indices[0]) : int(indices[-1]) + 1] = self._gathered(store, indices).to(device)
            return found

        labels = {name: column.to(device) for name, column in self.labels.items()}
        maps = {name: moved(store) for name, store in self.maps.items()}
        return Samples(moved(self.store), labels, vectors=self.vectors, maps=maps, shards=self.shards)

    def streamed_to(self, device: torch.device) -> Samples:
        """Return the samples in host memory, their batches on a device."""
        return replace(self, streams_to=device)


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set; test is never used to choose.

    Validation is carved from train, unless the data set has its own. `remarks` is what the data set left out
    or changed, line by line. `known` is what was found out about the samples by whoever looked first.
    """

    train: Samples
    validation: Samples
    test: Samples
    own_validation: bool = False
    remarks: tuple[str, ...] = ()
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

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
        """Whether images and maps are in a file, of which parts come and go."""
        return self.train.pages is not None

    @property
    def size(self) -> int:
        """Bytes of all images and maps."""
        parts = (self.train, self.validation, self.test)
        return sum(
            len(part) * prod(store.shape[1:]) * store.itemsize
            for part in parts
            for store in (part.store, *part.maps.values())
        )


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

    def check(splits: Mapping[str, Columns], about_to_read: AboutToRead) -> None:
        require_answer(label, dataset, "load", splits)
        for name in ("train", "test"):
            if name not in splits:
                raise ComponentError(f"{label} gave no split {name!r}")
        for name in ("train", "validation", "test"):
            if name in splits:
                check_columns(splits[name], spec, f"{label}: {name}", about_to_read)
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
                known = _present(samples, column, spec.labels[column])
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
                there = _present(splits.named(split), column, spec.labels[column])
                if there is not None and not there.any():
                    raise UsageError(
                        f"task {task!r} needs {column!r}, and no sample of the {split} split has it",
                        hint="leave the task out, label some samples, or change train.validation",
                    )
    for task, columns in needs.items():
        for column in columns:
            if column in splits.train.labels:
                _refuse_untaught(task, column, spec.labels[column], splits.train.labels[column])


def _present(samples: Samples, column: str, form: Form) -> Tensor | None:
    """Return whether each sample has a label, bool `[N]`; None: every one has."""
    found = [form.present(part) for part in samples.parts_of(column)]
    known = [part for part in found if part is not None]
    return torch.cat(known) if len(known) == len(found) else None


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
    stored = _tensor if pages is None else read_only_tensor
    return Samples(
        stored(columns.image),
        {name: _tensor(value) for name, value in columns.labels.items()},
        rows=None if columns.rows is None else _tensor(columns.rows),
        pages=pages,
        vectors=vectors,
        maps={name: stored(value) for name, value in columns.maps.items()},
        shards=None if columns.shards is None else _tensor(columns.shards),
    )


def _tensor(values: NDArray[Any]) -> Tensor:
    """Return values in memory of their own where they cannot be written: a tensor always can be."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))
