"""Variants that a comparison's folder was asked for before, and is not asked for now.

Their results were seen. Who leaves out what did not convince has made as many comparisons as before, so the
correction goes on counting them; what they reached does not matter to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..execution.marks import MARK
from ..recipe.recipe_source import read_recipe
from .folder import ComparisonFolder
from .grid import Grid

_DIGITS = 10
_CELL = re.compile(rf"(?P<title>.*)-seed-(?P<seed>\d+)-(?P<key>[0-9a-f]{{{_DIGITS}}})")


def earlier_variants(grid: Grid, folder: ComparisonFolder) -> int:
    """Return how many variants have finished trainings in the folder and are none of the grid's.

    Single-task trainings are no variants, and other seeds of one are not another one.
    """
    asked = tuple({cell.at(0).key: cell for cell in grid.cells}.values())

    @cache
    def keys(seed: int) -> frozenset[str]:
        return frozenset(cell.at(seed).key[:_DIGITS] for cell in asked)

    found = set()
    for path in sorted(folder.cells.glob("*")):
        named = _CELL.fullmatch(path.name)
        if named is None or not (path / MARK).is_file():
            continue
        if named["key"] in keys(int(named["seed"])):
            continue
        recipe = _recipe(path)
        if recipe is None:  # it cannot be read: its name must do
            found.add(named["title"])
        elif all(_trains(recipe, task) for task in grid.yardsticks):
            found.add(json.dumps({**recipe, "seed": None}, sort_keys=True))
    return len(found)


def _recipe(path: Path) -> Mapping[str, Any] | None:
    try:
        return read_recipe(path / "recipe.yaml").tree
    except UsageError:
        return None


def _trains(recipe: Mapping[str, Any], task: str) -> bool:
    tasks = recipe.get("tasks")
    chosen = tasks.get(task) if isinstance(tasks, Mapping) else None
    return isinstance(chosen, Mapping) and chosen.get("weight") != 0
