"""The same search for every row of a comparison: each variant, and each task alone, has its own best values.

Held against one another with the values of one recipe, methods are judged by whom these suit. With a search
of the same number of trials over the same space each is judged by what it can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..comparison.cells import Cell
from ..comparison.grid import NOT_APPLICABLE, Grid, Variant
from ..comparison.outcomes import Outcome
from ..comparison.results import results
from ..discovery.registry import Registry
from ..recipe.recipe_reader import read
from ..recipe.request import Request
from .driving import Limits
from .layout import Layout, Question, lay_out
from .searching import Searching, VainError
from .space import Dimension, shown
from .trials import Trial


@dataclass(frozen=True)
class EqualSearch:
    """A search of so many trials over a space, for every row: what is asked, and by what tasks are judged."""

    space: tuple[Dimension, ...]
    trials: int
    metrics: Mapping[str, str] = field(default_factory=dict)

    def plan(self) -> dict[str, Any]:
        """Return what makes two comparisons search alike."""
        return {"space": {item.key: item.written for item in self.space}, "trials": self.trials}


@dataclass(frozen=True)
class SearchedGrid:
    """A grid whose rows are to be searched first, and the search of each, by the key of its cell."""

    grid: Grid
    asked: EqualSearch
    layouts: Mapping[str, tuple[Cell, Layout]]

    def folder(self, path: Path, cell: Cell) -> Path:
        """Return the folder of a row's search, beside the comparison's."""
        return path.with_name(f"{path.name}-search") / cell.folder_name

    def searched(self, searching: Searching, path: Path, *, force: bool = False) -> FoundGrid:
        """Make the searches that were not made before; return the grid with the best values of each row."""
        found: dict[str, Cell | VainError] = {}
        values: dict[str, str] = {}
        for key, (cell, layout) in self.layouts.items():
            searching.progress.about(cell.title, self.asked.trials)
            search = searching.run(layout, self.folder(path, cell), Limits(self.asked.trials), force=force)
            try:
                search.raise_if_in_vain()
            except VainError as error:
                if cell.task is not None:
                    raise
                found[key] = error
                continue
            best = search.best[0]
            recipe = read(layout.source(best.values), searching.registry)
            found[key] = replace(cell, recipe=replace(recipe, seed=0))
            values[cell.title] = _told(best)
        variants = tuple(_moved(variant, found) for variant in self.grid.variants)
        return FoundGrid(replace(self.grid, variants=variants), self.asked, values)


@dataclass(frozen=True)
class FoundGrid:
    """A grid whose rows have the best values that were found for them; `values` are these in words."""

    grid: Grid
    asked: EqualSearch
    values: Mapping[str, str]

    def judge(
        self, grid: Grid, outcomes: Mapping[str, Outcome], notes: Sequence[str], planned: int, earlier: int
    ) -> dict[str, Any]:
        """Return the results of a comparison, which say that every row was searched for alike."""
        found = results(grid, outcomes, [self.note(), *notes], planned, earlier)
        return found | {"search": {**self.asked.plan(), "seed": grid.seeds[0], "found": dict(self.values)}}

    def note(self) -> str:
        """Return what was searched with which budget, and found."""
        space = "; ".join(f"{item.key} {item.written}" for item in self.asked.space)
        rows = "; ".join(f"{title}: {values}" for title, values in self.values.items())
        return (
            f"every row was searched for first with the same budget, {self.asked.trials} trials each over "
            f"{space}, chosen on validation at seed {self.grid.seeds[0]}. Found: {rows}"
        )


def lay_out_searches(grid: Grid, asked: EqualSearch, registry: Registry) -> SearchedGrid:
    """Return the searches of a grid's rows, each known to be possible; raise as `mtl search` does."""
    for item in asked.space:
        if item.key == "train.epochs":
            raise UsageError(
                "--search train.epochs: rows with more epochs had another budget",
                hint="leave it out; --epochs says how many all have",
            )
        if item.key in [axis.key for axis in grid.axes]:
            raise UsageError(
                f"--search {item.key}: it is an axis of the comparison", hint="compare it, or search it"
            )
    able = [variant for variant in grid.variants if variant.cell is not None]
    alone = [cell for variant in able for cell in variant.alone.values()]
    layouts: dict[str, tuple[Cell, Layout]] = {}
    for cell in [*alone, *(variant.cell for variant in able if variant.cell is not None)]:
        if cell.key not in layouts:
            layouts[cell.key] = cell, _layout(grid, cell, asked, registry)
    fixed = {**_without(grid.fixed, asked.space), "search": asked.plan()}
    return SearchedGrid(replace(grid, fixed=fixed), asked, layouts)


def _layout(grid: Grid, cell: Cell, asked: EqualSearch, registry: Registry) -> Layout:
    request = Request(cell.at(grid.seeds[0]).recipe.to_plain())
    judged = [cell.task] if cell.task is not None else list(grid.yardsticks)
    metrics = {task: grid.yardsticks[task].metric for task in judged}
    objectives = (cell.task,) if cell.task is not None else ()
    # The grid's data were looked at when it was laid out.
    return lay_out(Question(request, asked.space, objectives, metrics), registry, looks=False)


def _moved(variant: Variant, found: Mapping[str, Cell | VainError]) -> Variant:
    """Return a variant with the best values of its cells."""
    if variant.cell is None:
        return variant
    cell = found[variant.cell.key]
    if isinstance(cell, VainError):
        reason = " ".join(cell.message.split())
        return replace(
            variant, cell=None, alone={}, status=NOT_APPLICABLE, reason=reason, exit_status=cell.status
        )
    alone = {task: one for task, old in variant.alone.items() if isinstance(one := found[old.key], Cell)}
    return replace(variant, cell=cell, alone=alone)


def _without(fixed: Mapping[str, Any], space: Sequence[Dimension]) -> dict[str, Any]:
    """Return what recipes have in common, without what is searched."""
    gone = {tuple(part.replace("-", "_") for part in item.key.split(".")) for item in space}

    def kept(tree: Mapping[str, Any], *path: str) -> dict[str, Any]:
        return {
            key: kept(value, *path, key) if isinstance(value, Mapping) else value
            for key, value in tree.items()
            if tuple(part.replace("-", "_") for part in (*path, key)) not in gone
        }

    return kept(fixed)


def _told(trial: Trial) -> str:
    return ", ".join(f"{key} {shown(value)}" for key, value in trial.values.items())
