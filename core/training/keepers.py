"""Which components may keep state from step to step, and which of their tensors a step changes."""

from __future__ import annotations

from torch import Tensor, nn

from ..composition.composition import Composition
from .update import Update


def keepers_of(composition: Composition) -> tuple[object, ...]:
    """Return the components that may keep state from step to step."""
    parts = [part for composed in composition.tasks.values() for part in (composed.loss, composed.task)]
    return (composition.model, composition.balancer, *parts, *composition.augmentations)


def changed_by(composition: Composition, update: Update) -> list[Tensor]:
    """Return every tensor of components, optimizer and averaged weights that a step may change."""
    modules = [part for part in keepers_of(composition) if isinstance(part, nn.Module)]
    found = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    found += update.tensors().values()
    found += () if update.average is None else update.average.tensors().values()
    return found
