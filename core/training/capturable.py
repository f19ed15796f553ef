"""Whether a training's steps can be captured in a CUDA graph, as far as that is known before one is tried."""

from __future__ import annotations

from typing import Any

from ..base.ranks import Ranks
from ..composition.composition import Composition
from ..contracts import Balancer
from .captured_sums import WANTED, wanted
from .update import Update


def why_not_captured(composition: Composition, update: Update, steps: int, ranks: Ranks) -> str | None:
    """Return why blocks of so many steps are not captured; None where nothing speaks against it."""
    balancer, training = composition.balancer, composition.recipe.train
    name = composition.recipe.balancer.name
    if not ranks.alone and not wanted():
        untried = f"{WANTED}=1 captures that too, which no card has run yet"
        return f"gradients are summed over {ranks.world} devices ({untried})"
    if not getattr(balancer, "capturable", True):
        return f"the balancer {name!r} {getattr(balancer, 'eager_because', Balancer.eager_because)}"
    if balancer.needs_new_losses:
        return f"the balancer {name!r} rewinds random numbers in every step"
    if not update.capturable:
        return f"the optimizer {_named(training.optimizer)!r} does not say that it can be captured"
    if training.accumulate > steps:
        return f"gradients are accumulated over {training.accumulate} batches, more than a block has"
    return None


def _named(optimizer: str | dict[str, Any] | None) -> str:
    return optimizer["name"] if isinstance(optimizer, dict) else str(optimizer)
