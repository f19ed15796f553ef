"""The searches before a comparison: asked for by `--search`, made for each of its rows, told on stderr."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..base.errors import UsageError
from ..comparison.comparison import Comparing
from ..comparison.grid import Grid
from ..discovery.registry import Registry
from ..search.comparing import EqualSearch, SearchedGrid, lay_out_searches
from ..search.searching import MOST, Searching
from ..search.space import read_space
from .searching import TrialLines


def planned_searches(
    grid: Grid, asked: Mapping[str, Any], registry: Registry
) -> tuple[Grid, SearchedGrid | None]:
    """Return the grid and the searches before it, if there are to be any; raise where one cannot be."""
    spaces, trials = asked["spaces"], asked["trials"]
    if not spaces:
        if trials is not None:
            raise UsageError(
                f"--trials {trials}: nothing is searched", hint="say what: --search train.learning_rate=..."
            )
        return grid, None
    equal = EqualSearch(read_space(spaces, "--search"), trials or MOST)
    searches = lay_out_searches(grid, equal, registry)
    click.echo(f"before: {len(searches.layouts)} searches of {equal.trials} trials each", err=True)
    return searches.grid, searches


def searched(
    searches: SearchedGrid | None, grid: Grid, comparing: Comparing, path: Path, *, force: bool
) -> Grid:
    """Make the searches, and return the grid with what they found; `comparing` will say so in its results."""
    if searches is None:
        return grid
    searching = Searching(
        comparing.registry,
        comparing.hands,
        TrialLines(),
        plugin_files=comparing.plugin_files,
        judges=False,
    )
    found = searches.searched(searching, path, force=force)
    comparing.judge = found.judge
    return found.grid
