"""The eight symmetries of the square, applied to a batch: the labels move with the pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import Batch
from .form import Form
from .specs import DatasetSpec, Symmetry


def transform_square(batch: Batch, turns: Tensor, mirrors: Tensor, dataset: DatasetSpec) -> Batch:
    """Mirror the samples where `mirrors` (left-right), then turn them `turns` quarters counter-clockwise.

    `turns` is int64 `[B]` in 0..3, `mirrors` bool `[B]`; images must be square where a turn may be odd.
    Labels with a declared symmetry move likewise, and so do those whose form moves with the image.
    """
    moved = _move_pixels(batch.image, turns, mirrors)
    labels = dict(batch.labels)
    for column, form in dataset.labels.items():
        if form.moves:
            labels[column] = _move_form(labels[column], form, turns, mirrors)
    for column, symmetry in dataset.symmetries.items():
        labels[column] = _move_labels(labels[column], symmetry, turns, mirrors)
    return Batch(moved, labels, batch.inputs)


def _move_pixels(image: Tensor, turns: Tensor, mirrors: Tensor) -> Tensor:
    """Move the last two dimensions of `[B, ..., H, W]`."""
    image = torch.where(_per_sample(mirrors, image), image.flip(-1), image)
    moved = image
    square = image.shape[-2] == image.shape[-1]
    for quarter in (1, 2, 3) if square else (2,):
        moved = torch.where(
            _per_sample(turns == quarter, image), torch.rot90(image, quarter, (-2, -1)), moved
        )
    return moved


def _move_form(label: Tensor, form: Form, turns: Tensor, mirrors: Tensor) -> Tensor:
    """Move what is at a place of the image to its new place; a direction among the values turns too."""
    label = torch.where(_per_sample(mirrors, label), form.move(label, 0, True, None), label)
    moved = label
    square = not form.moves_with_pixels or label.shape[-2] == label.shape[-1]
    for quarter in (1, 2, 3) if square else (2,):
        turned = form.move(label, quarter, False, None)
        moved = torch.where(_per_sample(turns == quarter, label), turned, moved)
    return moved


def _move_labels(label: Tensor, symmetry: Symmetry, turns: Tensor, mirrors: Tensor) -> Tensor:
    label = torch.where(_per_sample(mirrors, label), _permuted(label, symmetry.mirror), label)
    moved = label
    for quarter in (1, 2, 3):
        label = _permuted(label, symmetry.quarter_turn)
        moved = torch.where(_per_sample(turns == quarter, label), label, moved)
    return moved


def _per_sample(chosen: Tensor, label: Tensor) -> Tensor:
    return chosen.reshape(-1, *[1] * (label.dim() - 1))


def _permuted(label: Tensor, order: tuple[int, ...]) -> Tensor:
    """Move the entries of vectors `[B, n]`, or the classes `[B]` that are such entries."""
    # Indexing with a list would copy it to the device, and wait, at every step.
    if label.dim() > 1:
        return torch.stack([label[:, index] for index in order], dim=1)
    moved = label
    for new, old in enumerate(order):
        if new != old:
            moved = torch.where(label == old, new, moved)
    return moved
