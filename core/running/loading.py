"""The data of a composition, and whether several processes have the same before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..base.ranks import Ranks
from ..composition.composition import Composition
from ..data.content import changes, content_of
from ..data.samples import Splits, load_splits
from ..discovery.registry import Registry
from ..folders.run_folder import versions
from ..training.agreement import refuse_difference, what_must_agree
from ..training.memory import fits


def load_of(composition: Composition) -> Splits:
    """Return the data of a composition, split as its recipe says."""
    training = composition.recipe.train
    return load_splits(
        composition.dataset,
        validation=training.validation,
        split_seed=training.split_seed,
        choice=composition.recipe.dataset.to_plain(),
        label=composition.owners.named(composition.dataset),
        memory=training.memory,
    )


def brought_to(splits: Splits, device: torch.device, warn: Callable[[str], None]) -> Splits:
    """Return the data on a device, or in host memory where they do not fit there; that is told."""
    if fits(splits.size, device):
        return splits.to(device)
    warn(
        f"the data set ({splits.size / 2**20:.0f} MiB) does not fit on {device} beside the model: "
        "it stays in host memory and every block of batches is sent, which is slower"
    )
    return splits.streamed_to(device)


def tell_of_changes(
    splits: Splits, state: Mapping[str, Any], folder: Path, warn: Callable[[str], None]
) -> None:
    """Tell that a run's data are no longer what its checkpoint of this state was trained with."""
    if changed := changes(state.get("content"), content_of(splits)):
        warn(
            f"the data were changed since {folder} was trained: {changed}; "
            "what is measured now cannot be held against what it measured then"
        )


def placed(composition: Composition, splits: Splits) -> Composition:
    """Return the composition with a recipe that says that images are mapped, where they are."""
    if not splits.mapped:
        return composition
    training = composition.recipe.train.model_copy(update={"memory": "mapped"})
    return replace(composition, recipe=replace(composition.recipe, train=training))


def agree(ranks: Ranks, registry: Registry, composition: Composition, splits: Splits, **more: str) -> None:
    """Raise `UsageError` for ranks that have something else before them, before anything is trained."""
    if ranks.alone:
        return
    plugins = [(one.name, one.distribution, one.version) for one in registry.providers]
    packages = repr((versions(), plugins))
    refuse_difference(ranks, what_must_agree(composition, splits, packages) | more)
