"""The built-in components: an ordinary plugin, the same hooks as a stranger's."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.hookspecs import hookimpl
from ..core.records import Component
from . import augmentations, balancers, datasets, encoders, heads, losses, metrics, recipes, sharings, tasks


@hookimpl
def mtl_datasets() -> Iterable[Component]:
    return datasets.COMPONENTS


@hookimpl
def mtl_augmentations() -> Iterable[Component]:
    return augmentations.COMPONENTS


@hookimpl
def mtl_encoders() -> Iterable[Component]:
    return encoders.COMPONENTS


@hookimpl
def mtl_heads() -> Iterable[Component]:
    return heads.COMPONENTS


@hookimpl
def mtl_losses() -> Iterable[Component]:
    return losses.COMPONENTS


@hookimpl
def mtl_metrics() -> Iterable[Component]:
    return metrics.COMPONENTS


@hookimpl
def mtl_tasks() -> Iterable[Component]:
    return tasks.COMPONENTS


@hookimpl
def mtl_sharings() -> Iterable[Component]:
    return sharings.COMPONENTS


@hookimpl
def mtl_balancers() -> Iterable[Component]:
    return balancers.COMPONENTS


@hookimpl
def mtl_recipes() -> Iterable[Component]:
    return recipes.COMPONENTS
