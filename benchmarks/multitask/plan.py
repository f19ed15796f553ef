"""The plan of a table: what is trained how often, said before anything is trained, and known by its hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtl.core.base.errors import UsageError, suggest
from mtl.core.base.files import digest
from mtl.core.comparison.statistics import MINIMUM_SEEDS
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.recipe.request import Request

PLANS = Path(__file__).with_name("plans")
SHARING, BALANCER = "hard", "sum"
"""What the other axis has while one is varied, and what a network of one task has."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Section):
    """Rows with one number of seeds: balancers with hard sharing, sharing schemes with the plain sum."""

    seeds: Annotated[int, Field(ge=MINIMUM_SEEDS)]
    balancers: tuple[str, ...] = ()
    sharings: tuple[str, ...] = ()


class Search(_Section):
    """The search of the rate, by the same rule for every row, judged on validation alone.

    Each rate is trained once for `epochs`. Those that come within `near` of the best are trained again for as
    many epochs as the table has, and the best of these is taken (successive halving).
    """

    rates: Annotated[tuple[float, ...], Field(min_length=1)]
    epochs: Annotated[int, Field(ge=1)]
    near: Annotated[float, Field(ge=0)]
    seed: Annotated[int, Field(ge=0)]


class Plan(_Section):
    """A table: what every recipe has in common, its rows, and the rules by which it is judged."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: int
    title: str
    threads: Annotated[int, Field(ge=1)] = 1
    recipe: dict[str, Any]
    main: Part
    others: Part | None = None
    search: Search
    judged_by: dict[str, str]
    lower_is_better: tuple[str, ...] = ()
    equal_within: dict[str, float]
    against: str
    reproduced_within: float
    protocol: dict[str, str | int]

    def parts(self) -> Iterator[Part]:
        """Return the parts in the order in which they are trained."""
        yield from (part for part in (self.main, self.others) if part is not None)

    def plain(self) -> dict[str, Any]:
        """Return the plan as JSON values, without what it does not say: a later option changes no hash."""
        return self.model_dump(mode="json", exclude_unset=True)

    def hash(self) -> str:
        """Return the SHA-256 of the content, hexadecimal: comments do not count."""
        return digest(self.plain())


@dataclass(frozen=True)
class Method:
    """A row: a sharing scheme with a balancer, or (with `task`) the network of one task alone."""

    sharing: str = SHARING
    balancer: str = BALANCER
    task: str | None = None

    @property
    def name(self) -> str:
        """The row's name: `hard-pcgrad`, `single-left`."""
        return f"single-{self.task}" if self.task is not None else f"{self.sharing}-{self.balancer}"


@dataclass(frozen=True)
class Cell:
    """One training: of the table, or (with `rate`) of the search, its last round being `final`."""

    method: Method
    seed: int
    rate: float | None = None
    final: bool = False

    @property
    def name(self) -> str:
        """The name of the cell: `hard-sum-seed-3`, `hard-sum-rate-0.01`, `hard-sum-final-0.01`."""
        if self.rate is None:
            return f"{self.method.name}-seed-{self.seed}"
        return f"{self.method.name}-{'final' if self.final else 'rate'}-{self.rate:g}"


def read_plan(name: str) -> Plan:
    """Return a plan by its name or its file; raise `UsageError` for one that is none."""
    path = Path(name) if name.endswith(".yaml") else PLANS / f"{name}.yaml"
    if not path.is_file():
        known = sorted(found.stem for found in PLANS.glob("*.yaml"))
        raise UsageError(f"no plan {name!r}", hint=suggest(name, known, "plans"))
    try:
        return Plan.model_validate(read_recipe(path).tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        if where.endswith(".seeds") and first["type"] == "greater_than_equal":
            raise UsageError(
                f"{path}: {where} is {first['input']}: a verdict needs {MINIMUM_SEEDS} seeds",
                hint="plan more seeds",
            ) from None
        raise UsageError(f"{path}: {where}: {first['msg']}", hint="mend the plan") from None


def methods_of(part: Part) -> tuple[Method, ...]:
    """Return the rows of a part, each once."""
    balanced = [Method(balancer=name) for name in part.balancers]
    return tuple(dict.fromkeys([*balanced, *(Method(sharing=name) for name in part.sharings)]))


def alone(plan: Plan) -> tuple[Method, ...]:
    """Return the networks of one task."""
    return tuple(Method(task=task) for task in plan.recipe["tasks"])


def cells_of(plan: Plan, seeds: int | None = None) -> Iterator[Cell]:
    """Return every cell in the order of training: the search of a part, then its rows seed by seed.

    Which cells of a last round are wanted is known after the first one (`Results.wants`).
    Whenever training stops, all rows have the same seeds but for the last one. `seeds` is the most of a row.
    """
    for part in plan.parts():
        methods = (*(alone(plan) if part is plan.main else ()), *methods_of(part))
        for method in methods:
            yield from search_of(plan, method, final=False)
            yield from search_of(plan, method, final=True)
        for seed in range(min(part.seeds, part.seeds if seeds is None else seeds)):
            yield from (Cell(method, seed) for method in methods)


def search_of(plan: Plan, method: Method, *, final: bool) -> tuple[Cell, ...]:
    """Return the cells of one round of a row's search: one for each rate."""
    return tuple(Cell(method, plan.search.seed, rate, final) for rate in plan.search.rates)


def find_cell(plan: Plan, name: str) -> Cell:
    """Return a cell by its name; raise `UsageError` where the plan has none of that name."""
    cells = {cell.name: cell for cell in cells_of(plan)}
    if name not in cells:
        raise UsageError(f"no cell {name!r}", hint=suggest(name, list(cells), "cells"))
    return cells[name]


def recipe_of(
    plan: Plan, cell: Cell, rate: float, registry: Registry, data_dir: Path | None = None
) -> Recipe:
    """Return the recipe of a cell, trained with `rate`; the first round of a search has fewer epochs."""
    tree: Mapping[str, Any] = plan.recipe
    method, train = cell.method, {**tree["train"], "learning_rate": rate}
    if cell.rate is not None and not cell.final:
        train["epochs"] = plan.search.epochs
    tasks = {name: task for name, task in tree["tasks"].items() if method.task in (None, name)}
    whole = {
        **tree,
        "tasks": tasks,
        "train": train,
        "sharing": method.sharing,
        "balancer": method.balancer,
        "seed": cell.seed,
    }
    flags = {"data_dir": None if data_dir is None else str(data_dir)}
    return read(Request(whole, None, flags).source(registry), registry)
