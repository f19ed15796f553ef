"""What is read off the labels of the training split before anything is trained."""

from __future__ import annotations

from collections.abc import Set

import torch
from torch import Tensor

from .composition import Composition
from .data import Samples
from .evaluation import present_targets, views_of
from .standardization import StandardizedLoss
from .views import target_of


def fit(composition: Composition, train: Samples) -> None:
    """Fit the standardisations that a recipe wants of the training split, and the losses that want it."""
    train_statistics = {choice.name for choice in composition.recipe.tasks if choice.standardize == "train"}
    wanted = train_statistics | _fitting_losses(composition)
    for name, targets in known_targets(composition, train, wanted).items():
        loss = composition.tasks[name].loss
        if name in train_statistics:
            assert isinstance(loss, StandardizedLoss)
            loss.standardization.fit(targets)
        if loss.fits:
            loss.fit(targets)


def fit_losses(composition: Composition, train: Samples) -> None:
    """Fit the losses of a model that is trained: its own state has everything else."""
    wanted = _fitting_losses(composition)
    for name, targets in known_targets(composition, train, wanted).items():
        composition.tasks[name].loss.fit(targets)


def known_targets(composition: Composition, samples: Samples, names: Set[str]) -> dict[str, Tensor]:
    """Return some tasks' targets that are not absent, `[N, ...]` on the CPU, as an evaluation sees them."""
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    if not names:
        return {}
    with torch.no_grad():
        for tasks, seen in views_of(composition, samples, "train"):
            for name in names & set(tasks):
                composed = composition.tasks[name]
                there = present_targets(composed.target, target_of(composed.task, seen))
                found[name].append(there.cpu())
    return {name: torch.cat(parts) for name, parts in found.items()}


def _fitting_losses(composition: Composition) -> set[str]:
    return {name for name, composed in composition.tasks.items() if composed.loss.fits}
