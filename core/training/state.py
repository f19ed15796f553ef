"""The tensors of a training that a checkpoint keeps: of model, balancer, optimizer and averaged weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..composition.composition import Composition
from .update import Update


def state_of(composition: Composition, update: Update) -> dict[str, Tensor]:
    """Return them by name, `GROUP/NAME`."""
    groups: dict[str, Mapping[str, Tensor]] = {
        "model": composition.model.state_dict(),
        "balancer": composition.balancer.state_dict(),
        "optimizer": update.tensors(),
    }
    if update.average is not None:
        # Copies: whoever keeps the checkpoint does so while the model has its averaged weights.
        groups["model"] = {name: value.clone() for name, value in groups["model"].items()}
        groups["average"] = update.average.tensors()
    return {f"{group}/{name}": value for group, part in groups.items() for name, value in part.items()}


def put_back(composition: Composition, update: Update, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `state_of` returned; other groups are left alone."""
    composition.model.load_state_dict(group_of(tensors, "model"))
    composition.balancer.load_state_dict(group_of(tensors, "balancer"))
    update.load(group_of(tensors, "optimizer"))
    if update.average is not None:
        update.average.load(group_of(tensors, "average"))


def group_of(tensors: Mapping[str, Tensor], group: str) -> dict[str, Tensor]:
    """Return the tensors of a group, by their names in it.

    >>> group_of({"model/a/b": 1, "balancer/c": 2}, "model")  # type: ignore[dict-item]
    {'a/b': 1}
    """
    start = f"{group}/"
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
