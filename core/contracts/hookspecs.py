"""The hooks a plugin may implement. Each takes what it names and returns what its docstring says.

A plugin is a module (or object) with functions of these names, marked with `hookimpl`:

    from mtl import Component, hookimpl

    @hookimpl
    def mtl_components():
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
def mtl_components() -> Iterable[Component]:
    """Yield records of components of every kind; the kind stands in the record."""
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


COMPONENTS = "mtl_components"
"""The hook that yields records."""

REPLACED = dict.fromkeys(
    (
        "mtl_datasets",
        "mtl_augmentations",
        "mtl_encoders",
        "mtl_heads",
        "mtl_losses",
        "mtl_metrics",
        "mtl_tasks",
        "mtl_sharings",
        "mtl_balancers",
        "mtl_exporters",
        "mtl_recipes",
    ),
    COMPONENTS,
)
"""Hooks of the drafts before 0.1, and the hook that took their place.

A plugin that has them is read as before, with a `DeprecationWarning`, until 0.3 (`docs/plugins.md`).
"""
