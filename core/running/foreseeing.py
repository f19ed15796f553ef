"""What is refused of a run before anything of its data is loaded: what a plan can say, a plan refuses."""

from __future__ import annotations

import torch

from ..base.ranks import Ranks
from ..composition.composition import Composition
from ..discovery.declared import ask
from ..training.requirements import not_by_shards, refuse_impossible, refuse_unshared
from .exporting import check_export


def refuse_unfit(
    composition: Composition, device: torch.device, ranks: Ranks, *, publishes: bool = True
) -> None:
    """Raise what the device, its several processes, or the exporter make impossible; nothing is loaded."""
    refuse_impossible(composition, device)
    refuse_unshared(composition, ranks)
    _refuse_without_shard_draws(composition)
    if publishes:
        with composition.at_work("when it was asked whether it can export this"):
            check_export(composition)


def _refuse_without_shard_draws(composition: Composition) -> None:
    """Refuse to keep a training after shards where the recipe, or the data set, says that it has none.

    Whether pictures are mapped is often known once they are loaded: then it is refused then.
    """
    training = composition.recipe.train
    if training.checkpoint_every != "shards":
        return
    in_shards = ask(composition.owners.named(composition.dataset), composition.dataset, "in_shards")
    if training.sampling is not None or training.memory == "resident" or not in_shards:
        raise not_by_shards()
