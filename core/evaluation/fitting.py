"""What is read off the images, vectors and labels of the training split before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Set

import torch
from torch import Tensor

from ..base.moments import Moments
from ..composition.composition import Composition
from ..composition.standardization import StandardizedLoss
from ..composition.views import target_of
from ..contracts import Encoder, Form
from ..data.samples import Samples
from .evaluation import present_targets, views_of

_IMAGES, _BATCH = 4096, 256
"""Images that encoders are fitted to, and those that are floats at once."""

_SHORT = torch.iinfo(torch.int16).max


def fit(composition: Composition, train: Samples) -> None:
    """Fit to the training split: encoders that want it, vectors, wanted standardisations, losses.

    Encoders see images as they are in training, normalised; corruption and augmentations aside.
    """
    for encoder in composition.model.modules():
        if isinstance(encoder, Encoder) and encoder.fits:
            encoder.fit(_normalised(composition, train))
    for name, preparation in composition.model.vectors.items():
        if name not in composition.prepared:
            preparation.fit(train.labels[name])
    train_statistics = {choice.name for choice in composition.recipe.tasks if choice.standardize == "train"}
    moments = {name: Moments(composition.tasks[name].target.quantities) for name in train_statistics}
    for name, part in _known_parts(composition, train, train_statistics):
        moments[name].add(part)
    for name, found in moments.items():
        loss = composition.tasks[name].loss
        assert isinstance(loss, StandardizedLoss)
        loss.standardization.take(found)
    fit_losses(composition, train)


def _normalised(composition: Composition, train: Samples) -> Iterator[Tensor]:
    """Yield the first images of the training split as encoders see them, batch by batch."""
    first = train.first(_IMAGES)
    with torch.no_grad():
        for indices in first.slices(_BATCH):
            yield composition.model.normalization(first.batch(indices).image)


def fit_losses(composition: Composition, train: Samples) -> None:
    """Fit the losses of a model that is trained: its own state has everything else."""
    wanted = _fitting_losses(composition)
    for name, targets in known_targets(composition, train, wanted).items():
        composition.tasks[name].loss.fit(targets)


def known_targets(composition: Composition, samples: Samples, names: Set[str]) -> dict[str, Tensor]:
    """Return some tasks' targets that are not absent, `[N, ...]` on the CPU, as an evaluation sees them."""
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    for name, part in _known_parts(composition, samples, names):
        found[name].append(_small(composition.tasks[name].target, part.cpu()))
    return {name: torch.cat(parts) for name, parts in found.items()}


def _known_parts(composition: Composition, samples: Samples, names: Set[str]) -> Iterator[tuple[str, Tensor]]:
    """Yield the targets that are not absent, batch by batch."""
    if not names:
        return
    with torch.no_grad():
        for tasks, seen in views_of(composition, samples, "train"):
            for name in names & set(tasks):
                composed = composition.tasks[name]
                yield name, present_targets(composed.target, target_of(composed.task, seen))


def _small(form: Form, targets: Tensor) -> Tensor:
    """Return targets in as few bytes as hold them: a class per pixel of every sample is much."""
    narrow = form.highest is not None and form.moves_with_pixels and form.highest <= _SHORT
    return targets.to(torch.int16) if narrow else targets


def _fitting_losses(composition: Composition) -> set[str]:
    return {name for name, composed in composition.tasks.items() if composed.loss.fits}
