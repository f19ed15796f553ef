"""What a shell offers for a half-typed word: components of a kind, and the runs that are there. No torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]

_MOST_RUNS = 200


def components(kind: str) -> Complete:
    """Return what completes the name of a component of a kind; after commas too."""

    def complete(context: click.Context, option: click.Parameter, begun: str) -> list[str]:
        from ..discovery.registry import discover

        before, comma, last = begun.rpartition(",")
        names = discover(context.find_root().params.get("plugin_files") or ()).names(kind)
        return [f"{before}{comma}{name}" for name in names if name.startswith(last)]

    return complete


def kinds(context: click.Context, argument: click.Parameter, begun: str) -> list[str]:
    """Return the kinds of components that a word begins."""
    from ..contracts.records import KINDS

    return [kind for kind in KINDS if kind.startswith(begun)]


def of_kind(context: click.Context, argument: click.Parameter, begun: str) -> list[str]:
    """Return the components of the kind that stands before the word."""
    kind = context.params.get("kind")
    return components(str(kind))(context, argument, begun) if kind else []


def plugins(context: click.Context, argument: click.Parameter, begun: str) -> list[str]:
    """Return the distributions of plugins, but the built-in ones, that a word begins."""
    from ..discovery.home import HOME
    from ..discovery.registry import discover

    found = {provider.distribution for provider in discover().providers} - {HOME}
    return sorted(name for name in found if name.startswith(begun))


def runs(context: click.Context, argument: click.Parameter, begun: str) -> list[str]:
    """Return the runs in the folder that a word begins, or in `runs`."""
    from ..folders.kept_runs import runs_under

    folder = Path(begun or "runs/") if begun.endswith("/") or not begun else Path(begun).parent
    if not folder.is_dir():
        return []
    found = [path for path, _ in zip(runs_under(folder), range(_MOST_RUNS), strict=False)]
    return [str(run.path) for run in found if str(run.path).startswith(begun)]
