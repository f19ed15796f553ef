"""The hooks a plugin may implement. Each takes what it names and returns what its docstring says.

A plugin is a module (or object) with functions of these names, marked with `hookimpl`:

    from mtl import Component, hookimpl

    @hookimpl
    def mtl_encoders():
        yield Component("encoder", "tiny", "A tiny encoder", "my_package.tiny:Tiny")
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from .records import Component

if TYPE_CHECKING:
    import click

PROJECT = "mtl"
API = 1
"""Version of the hooks. A plugin may state the one it was written for: `mtl_api = 1` in its module.

It grows only when a hook changes so that old plugins cannot work; arguments are only ever added.
"""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def mtl_datasets() -> Iterable[Component]:
    """Yield records of kind `dataset` (contract: `mtl.core.contracts.Dataset`)."""
    return ()


@hookspec
def mtl_augmentations() -> Iterable[Component]:
    """Yield records of kind `augmentation` (contract: `mtl.core.contracts.Augmentation`)."""
    return ()


@hookspec
def mtl_encoders() -> Iterable[Component]:
    """Yield records of kind `encoder` (contract: `mtl.core.contracts.Encoder`)."""
    return ()


@hookspec
def mtl_heads() -> Iterable[Component]:
    """Yield records of kind `head` (contract: `mtl.core.contracts.Head`)."""
    return ()


@hookspec
def mtl_losses() -> Iterable[Component]:
    """Yield records of kind `loss` (contract: `mtl.core.contracts.Loss`)."""
    return ()


@hookspec
def mtl_metrics() -> Iterable[Component]:
    """Yield records of kind `metric` (contract: `mtl.core.contracts.Metric`)."""
    return ()


@hookspec
def mtl_tasks() -> Iterable[Component]:
    """Yield records of kind `task` (contract: `mtl.core.contracts.Task`)."""
    return ()


@hookspec
def mtl_sharings() -> Iterable[Component]:
    """Yield records of kind `sharing` (contract: `mtl.core.contracts.Sharing`)."""
    return ()


@hookspec
def mtl_balancers() -> Iterable[Component]:
    """Yield records of kind `balancer` (contract: `mtl.core.contracts.Balancer`)."""
    return ()


@hookspec
def mtl_exporters() -> Iterable[Component]:
    """Yield records of kind `exporter` (contract: `mtl.core.contracts.Exporter`)."""
    return ()


@hookspec
def mtl_recipes() -> Iterable[Component]:
    """Yield records of kind `recipe`: package data, target `"package:file.yaml"`."""
    return ()


@hookspec
def mtl_commands(cli: click.Group) -> None:
    """Add commands to the command line; `cli.add_lazy(name, target, summary)` imports them only when run."""


@hookspec
def mtl_run_started(run: Path, recipe: dict[str, Any]) -> None:
    """A training is about to begin; `run` is its folder, `recipe` the resolved recipe."""


@hookspec
def mtl_epoch_ended(run: Path, epoch: int, row: dict[str, float]) -> None:
    """An epoch (counted from 1) was trained and validated; `row` is its line of `history.csv`."""


@hookspec
def mtl_run_finished(run: Path, metrics: dict[str, Any]) -> None:
    """A run is complete; `metrics` is the content of its `metrics.json`. Its folder is still held."""


@hookspec
def mtl_exported(run: Path, files: tuple[Path, ...]) -> None:
    """A verified export was published; `files` are the files it consists of."""


HOOK_OF_KIND = {
    "dataset": "mtl_datasets",
    "augmentation": "mtl_augmentations",
    "encoder": "mtl_encoders",
    "head": "mtl_heads",
    "loss": "mtl_losses",
    "metric": "mtl_metrics",
    "task": "mtl_tasks",
    "sharing": "mtl_sharings",
    "balancer": "mtl_balancers",
    "exporter": "mtl_exporters",
    "recipe": "mtl_recipes",
}
"""The hook that yields the records of each kind."""
