"""Checks of augmentations: images stay images, and labels move with the pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.errors import Incompatible
from ..contracts import Augmentation
from ..contracts.batch import Batch
from ..contracts.randomness import SampleRandom, StepRandom
from ..contracts.specs import DatasetSpec, ImageSpec
from ..contracts.symmetry import transform_square
from .checks import CheckSkipped, check, require
from .pictures import Pictures
from .subjects import Subject

_BATCH = 32
_SEEDS = range(4)
_ABSENT = 0
"""The sample of the batch whose labels are absent."""


@check("augmentation")
def check_images_stay_images(subject: Subject) -> None:
    """Images keep type, shape and the range 0..1, labels their columns; the given batch is left alone."""
    for augmentation, data in _augmentations(subject):
        batch, spec = _batch(data), data.spec()
        given = batch.image.clone()
        for seed in _SEEDS:
            changed = augmentation(batch, StepRandom(_BATCH, "cpu", seed))
            image = changed.image
            inside = image.dtype == torch.float32 and bool(((image >= 0) & (image <= 1)).all())
            require(
                inside and image.shape == given.shape,
                f"float32 images {list(given.shape)} in 0..1 for {spec.image}",
                f"{image.dtype} {list(image.shape)} in {float(image.min()):.3g}..{float(image.max()):.3g}",
                "keep the shape, and clamp to 0..1",
            )
            for name, column in batch.labels.items():
                got = changed.labels.get(name)
                require(
                    got is not None and got.dtype == column.dtype and got.shape == column.shape,
                    f"label column {name!r} {column.dtype} {list(column.shape)}",
                    "nothing" if got is None else f"{got.dtype} {list(got.shape)}",
                    "return all columns, with `dataclasses.replace(batch, image=...)`",
                )
            require(
                torch.equal(given, batch.image),
                "the batch it was given to be left alone",
                "a batch changed in place",
                "return new tensors",
            )


@check("augmentation")
def check_labels_move_with_the_pixels(subject: Subject) -> None:
    """Labels with a declared symmetry turned or mirrored with the image; others stayed."""
    for augmentation, data in _augmentations(subject):
        batch, spec = _batch(data), data.spec()
        for seed in _SEEDS:
            changed = augmentation(batch, StepRandom(_BATCH, "cpu", seed))
            for name, form in spec.labels.items():
                if name in spec.symmetries or form.moves:
                    continue
                require(
                    _same(changed.labels[name], batch.labels[name]).all(),
                    f"label column {name!r} unchanged: it has no declared symmetry",
                    "other labels",
                    "move only columns in `dataset.symmetries`",
                )
            _require_moved(batch, changed, spec)


@check("augmentation")
def check_the_same_seed_gives_the_same_images(subject: Subject) -> None:
    """The same random source gives the same images, whatever was drawn before."""
    for augmentation, data in _augmentations(subject):
        batch, spec = _batch(data), data.spec()
        source = SampleRandom(torch.arange(_BATCH), seed=3)
        one, other = (augmentation(batch, source.stream("augmentation")) for _ in range(2))
        require(
            torch.equal(one.image, other.image),
            f"the same images from the same random source for {spec.image}",
            "other images",
            "draw only from the `random` you are given",
        )


@check("augmentation")
def check_what_it_reads_is_enough(subject: Subject) -> None:
    """Samples come out of those that it says it reads as they come out of the whole batch."""
    for augmentation, data in _augmentations(subject):
        batch, rows = _batch(data), torch.tensor([0, 3, 4, _BATCH - 9])
        read = augmentation.reads(rows, _BATCH)
        some = Batch(batch.image[read], {name: column[read] for name, column in batch.labels.items()})
        for seed in _SEEDS:
            whole = augmentation(batch, StepRandom(_BATCH, "cpu", seed))
            part = augmentation(some, StepRandom(_BATCH, "cpu", seed, rows=read))
            own = torch.searchsorted(read, rows)
            alike = torch.isclose(part.image[own], whole.image[rows], atol=1e-5).flatten(1).all(dim=1)
            for name, column in whole.labels.items():
                alike &= _same(part.labels[name][own], column[rows])
            require(
                bool(alike.all()),
                "the same images and labels from the samples it reads as from the whole batch",
                f"others for {int((~alike).sum())} of {len(rows)} samples",
                "leave `by_sample` out, or return from `reads` all that matters to them",
            )


def _augmentations(subject: Subject) -> list[tuple[Augmentation, Pictures]]:
    found = []
    reason = ""
    for image in (ImageSpec(1, 16, 16), ImageSpec(3, 20, 24)):
        options = subject.bench.pictures(image)
        data = Pictures(**{name: value for name, value in options.items() if name != "name"})
        try:
            found.append((subject.build(data.spec()), data))
        except Incompatible as refusal:
            reason = str(refusal)
    if not found:
        raise CheckSkipped(f"it serves neither the kit's square nor its wide pictures: {reason}")
    return found


def _batch(data: Pictures) -> Batch:
    """Return pictures that no turn or mirror leaves as they are, one of them without labels."""
    columns = data.load()["train"]
    count = len(columns)
    indices = torch.arange(_BATCH) % count
    labels = {name: torch.from_numpy(value)[indices].clone() for name, value in columns.labels.items()}
    for column in labels.values():
        column[_ABSENT] = float("nan") if column.is_floating_point() else -1
    return Batch(torch.from_numpy(columns.image)[indices].float() / 255.0, labels)


def _require_moved(batch: Batch, changed: Batch, spec: DatasetSpec) -> None:
    square = spec.image.height == spec.image.width
    found = torch.zeros(_BATCH, dtype=torch.bool)
    allowed = torch.zeros(_BATCH, dtype=torch.bool)
    for turns in range(4) if square else (0, 2):
        for mirror in (False, True):
            moved = transform_square(batch, torch.full((_BATCH,), turns), torch.full((_BATCH,), mirror), spec)
            seen = torch.isclose(moved.image, changed.image, atol=1e-5).flatten(1).all(dim=1)
            same, declared = torch.ones(2, _BATCH, dtype=torch.bool)
            for name in _moving(spec):
                alike = _same(moved.labels[name], changed.labels[name])
                same &= alike
                # What lies on the image follows it in other ways too: a shift, a small turn.
                declared &= alike | spec.labels[name].moves
            wrong = int((seen & ~same).sum())
            require(
                wrong == 0,
                "labels that moved with the pixels "
                f"({turns} quarter turns{' after a mirror' if mirror else ''})",
                f"other labels for {wrong} of {int(seen.sum())} such images",
                "use `mtl.contracts.transform_square`, or move columns by `dataset.symmetries` yourself",
            )
            found |= seen
            allowed |= declared
    require(
        bool((found | allowed).all()),
        "labels as they were, or moved by a declared symmetry",
        "labels of another kind",
        "change labels only as `dataset.symmetries` says",
    )


def _moving(spec: DatasetSpec) -> list[str]:
    """Return the label columns that move with the image."""
    return [name for name, form in spec.labels.items() if form.moves or name in spec.symmetries]


def _same(one: Tensor, other: Tensor) -> Tensor:
    equal = torch.isclose(one.double(), other.double(), atol=1e-6, equal_nan=True)
    return equal.reshape(len(one), -1).all(dim=1)
