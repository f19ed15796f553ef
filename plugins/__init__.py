"""The built-in components: an ordinary plugin, the same hooks as a stranger's."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.contracts.hookspecs import hookimpl
from ..core.contracts.records import Component
from . import (
    augmentations,
    balancers,
    datasets,
    encoders,
    executors,
    forms,
    heads,
    losses,
    metrics,
    optimizers,
    recipes,
    schedules,
    sharings,
    tasks,
    trackers,
)


@hookimpl
def mtl_components() -> Iterable[Component]:
    for kind in (
        datasets,
        forms,
        augmentations,
        encoders,
        heads,
        losses,
        metrics,
        tasks,
        sharings,
        balancers,
        optimizers,
        schedules,
        trackers,
        executors,
        recipes,
    ):
        yield from kind.COMPONENTS
