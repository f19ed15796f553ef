"""What the kept cells say: the rows of a plan's part judged by the rules of `mtl compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtl.core.base.errors import UsageError
from mtl.core.comparison.cells import Cell as Training
from mtl.core.comparison.grid import Grid, Variant
from mtl.core.comparison.outcomes import Outcome
from mtl.core.comparison.results import results as judge
from mtl.core.comparison.rows import spread
from mtl.core.comparison.yardsticks import margins_of, yardsticks_of
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry

from .plan import Cell, Method, Part, Plan, alone, methods_of, recipe_of
from .store import Entry, Results


@dataclass(frozen=True)
class Table:
    """A part of the plan: `seeds` are those that every row has, `entries` the cells by row and seed.

    `against_alone` and `against_row` are the contents of a `compare.json`, held against single-task training
    and against the plan's row; None where no seed is whole yet, or that row is not in the part.
    """

    part: Part
    methods: tuple[Method, ...]
    seeds: tuple[int, ...]
    entries: Mapping[str, Mapping[int, Entry]]
    rates: Mapping[str, float | None]
    judged_by: Mapping[str, str]
    against_alone: Mapping[str, Any] | None = None
    against_row: Mapping[str, Any] | None = None

    def value(self, row: str, task: str) -> dict[str, Any] | None:
        """Return mean, standard deviation and number of a task's metric over the seeds that count."""
        metric = self.judged_by[task]
        found = (self.entries[row].get(seed) for seed in self.seeds) if row in self.entries else ()
        kept = [
            entry.test[task][metric] for entry in found if entry is not None and entry.status == "trained"
        ]
        return spread([value for value in kept if value is not None])

    def scale(self, task: str) -> float:
        """Return what a task's metric is multiplied by when it is shown: 100 for shares."""
        return float(self.against_alone["tasks"][task]["scale"]) if self.against_alone else 1.0

    def parameters(self, row: str) -> int | None:
        """Return how many parameters a row's network has, where a cell was trained."""
        known = (entry.parameters for entry in self.entries[row].values())
        return next((count for count in known if count is not None), None)

    @property
    def whole(self) -> bool:
        """Whether every planned seed of every row is there."""
        return len(self.seeds) == self.part.seeds


def table_of(results: Results, part: Part, registry: Registry) -> Table:
    """Return a part of the plan as far as it has come."""
    plan = results.plan
    methods = methods_of(part)
    everyone = (*alone(plan), *methods)
    entries = {method.name: _entries(results, method, part.seeds) for method in everyone}
    seeds = tuple(seed for seed in range(part.seeds) if all(seed in row for row in entries.values()))
    rates = {method.name: results.chosen_rate(method) for method in everyone}
    table = Table(part, methods, seeds, entries, rates, plan.judged_by)
    if not seeds:
        return table
    grid = _grid(plan, table, registry)
    outcomes = _outcomes(plan, table, grid)
    found = judge(grid, outcomes, planned=part.seeds)
    if plan.against not in entries:
        return replace(table, against_alone=found)
    beside = tuple(replace(variant, alone={}, parameters_alone={}) for variant in grid.variants)
    other = replace(grid, variants=beside, against=plan.against)
    held = judge(other, {cell.key: outcomes[cell.key] for cell in other.cells}, planned=part.seeds)
    return replace(table, against_alone=found, against_row=held)


def _entries(results: Results, method: Method, seeds: int) -> dict[int, Entry]:
    found = {seed: results.read(Cell(method, seed)) for seed in range(seeds)}
    return {seed: entry for seed, entry in found.items() if entry is not None}


def _grid(plan: Plan, table: Table, registry: Registry) -> Grid:
    """Return the rows as a comparison lays them out; nothing but one row is composed."""
    singles = {str(m.task): _training(plan, table, m, registry) for m in alone(plan)}
    counts = {task: table.parameters(f"single-{task}") or 0 for task in singles}
    variants = tuple(
        Variant(
            method.name,
            {"sharing": method.sharing, "balancer": method.balancer},
            _training(plan, table, method, registry),
            singles,
            {"total": table.parameters(method.name)},
            counts,
        )
        for method in table.methods
    )
    first = recipe_of(plan, Cell(table.methods[0], 0), 1e-3, registry)
    yardsticks = yardsticks_of(compose(first, registry), plan.judged_by)
    lower = {task for task, yardstick in yardsticks.items() if yardstick.direction == "lower"}
    if lower != set(plan.lower_is_better):
        told = f"plan {plan.name!r}: lower_is_better must name {sorted(lower)}"
        raise UsageError(told, hint="mend the plan before its first training")
    margins = margins_of(yardsticks, plan.equal_within)
    return Grid((), table.seeds, variants, yardsticks, {}, margins)


def _training(plan: Plan, table: Table, method: Method, registry: Registry) -> Training:
    rate = table.rates[method.name]
    assert rate is not None  # a row with a seed was searched
    return Training(method.name, recipe_of(plan, Cell(method, 0), rate, registry), method.task)


def _outcomes(plan: Plan, table: Table, grid: Grid) -> dict[str, Outcome]:
    trainings = {cell.title: cell for cell in _trainings(grid)}
    found = {}
    for row, cell in trainings.items():
        for seed in grid.seeds:
            entry, moved = table.entries[row][seed], cell.at(seed)
            training = {"epochs": plan.recipe["train"]["epochs"], "chosen_epoch": entry.chosen_epoch}
            training["seconds"] = entry.seconds.clock if entry.seconds else None
            origin = {"torch": entry.versions.get("torch", ""), "data": str(sorted(entry.data.items()))}
            status, metrics = entry.status, entry.test if entry.status == "trained" else {}
            found[moved.key] = Outcome(moved, "", status, entry.reason, metrics, training, (), origin)
    return found


def _trainings(grid: Grid) -> Sequence[Training]:
    cells = [variant.cell for variant in grid.variants if variant.cell is not None]
    return [*grid.variants[0].alone.values(), *cells]
