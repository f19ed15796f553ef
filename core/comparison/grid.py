"""The grid: every combination of the axes, resolved and composed before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from ..base.errors import MissingRequirementError, MtlError, Problem, RecipeError, UsageError, suggest
from ..composition.composition import Composition
from ..composition.glances import Glances
from ..discovery.registry import Registry
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..recipe.request import Request
from ..recipe.seed_list import read_seeds
from ..running.starting import compose_started
from .axes import COMPONENTS, Axis
from .baselines import baseline_recipe, parameters_alone
from .cells import Cell
from .yardsticks import Yardstick, margins_of, yardsticks_of

NOT_APPLICABLE = "not applicable"
MISSING = "missing requirement"


@dataclass(frozen=True)
class Question:
    """What is asked: a recipe as `mtl compose` takes it, the axes over it, the seeds, metrics of tasks."""

    request: Request
    axes: tuple[Axis, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    metrics: Mapping[str, str] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)
    """Differences of a task's metric, as they are shown, that are called equal."""
    against: str | None = None
    """The variant that the others are held against; None: single-task training."""

    def __post_init__(self) -> None:
        read_seeds(self.seeds)


@dataclass(frozen=True)
class Variant:
    """One combination of the axes; without a `cell` it cannot be trained, for `reason`.

    `alone` has the single-task training of every task, where those are what it is held against. Both have the
    seed 0 and are moved with `at`.
    """

    name: str
    settings: Mapping[str, str]
    cell: Cell | None = None
    alone: Mapping[str, Cell] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parameters_alone: Mapping[str, int] = field(default_factory=dict)
    status: str = "trained"
    reason: str | None = None
    exit_status: int = 0


@dataclass(frozen=True)
class Grid:
    """All variants in the order of the axes, the seeds, and the yardsticks of the tasks.

    `fixed` is what all recipes have in common: the recipe without the axes and the seed.
    """

    axes: tuple[Axis, ...]
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...]
    yardsticks: Mapping[str, Yardstick]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)
    """Differences, in the metrics' own size, that are called equal."""
    against: str | None = None
    """The variant that the others are held against; None: single-task training."""
    asks: str | None = None
    """What is asked, where it is not how variants compare."""
    looked_at: tuple[str, ...] = ()
    """What quick looks at the data said, line by line."""

    def plan(self) -> dict[str, Any]:
        """Return what makes two comparisons the same question, whatever their values and seeds."""
        yardsticks = {name: yardstick.metric for name, yardstick in self.yardsticks.items()}
        asked = {} if self.asks is None else {"asks": self.asks}
        axes = [axis.key for axis in self.axes]
        plan = {**asked, "judged_by": yardsticks, "axes": axes, "recipe": dict(self.fixed)}
        stated = {"margins": dict(self.margins), "against": self.against}
        return plan | {name: value for name, value in stated.items() if value}

    @property
    def compared(self) -> tuple[Variant, ...]:
        """The variants that can be trained and are held against something."""
        able = (variant for variant in self.variants if variant.cell is not None)
        return tuple(variant for variant in able if variant.name != self.against)

    @property
    def comparisons(self) -> int:
        """How many pairs of a variant and a task are held against something."""
        return sum(len(variant.alone or self.yardsticks) for variant in self.compared)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every training once, seed by seed, single-task runs first: an interrupted comparison has pairs."""
        found: dict[str, Cell] = {}
        for seed in self.seeds:
            able = [variant for variant in self.variants if variant.cell is not None]
            alone = [cell for variant in able for cell in variant.alone.values()]
            for cell in [*alone, *(variant.cell for variant in able if variant.cell is not None)]:
                moved = cell.at(seed)
                found.setdefault(moved.key, moved)
        return tuple(found.values())


def lay_out(question: Question, registry: Registry) -> Grid:
    """Resolve and compose every combination of the axes, and every single-task run they are held against.

    Raises `RecipeError` with all mistakes of all combinations at once, unknown names first. A combination
    that cannot be (a balancer that needs shared parameters where none are shared) or that lacks a package is
    a variant with its reason; when no combination can be trained, the first reason is raised. Some files of
    each data set are looked at: what is found wrong with them is raised.
    """
    _refuse_unknown_names(question, registry)
    combinations = list(product(*(axis.values for axis in question.axes)))
    sources = [_source(question, values, registry) for values in combinations]
    recipes = _read_all(sources, registry)
    if len(recipes[0].tasks) < 2:
        raise UsageError(
            f"task {recipes[0].tasks[0].name!r} alone is its own single-task run",
            hint="name two or more tasks",
        )
    variants: list[Variant] = []
    failures: list[MtlError] = []
    yardsticks: dict[str, dict[str, Yardstick]] = {}
    composer, glances = SingleTask(registry), Glances()
    for values, source, recipe in zip(combinations, sources, recipes, strict=True):
        name, settings = _name(question.axes, values, recipe), _settings(question.axes, values)
        try:
            composition, _ = compose_started(recipe, registry, _unheard, source)
        except (RecipeError, MissingRequirementError) as error:
            failures.append(error)
            variants.append(_untrained(name, settings, error))
            continue
        glances.at(composition)
        yardsticks[name] = yardsticks_of(composition, question.metrics)
        variants.append(composer.variant(name, settings, recipe, composition))
    if not yardsticks:
        raise failures[0]
    fixed = fixed_part(recipes[0], question.axes)
    common = _common(yardsticks)
    margins = margins_of(common, question.margins)
    grid = Grid(
        question.axes,
        question.seeds,
        tuple(variants),
        common,
        fixed,
        margins,
        question.against,
        looked_at=glances.lines,
    )
    return grid if question.against is None else _held_against(grid, question.against)


def _held_against(grid: Grid, name: str) -> Grid:
    """Return the grid without single-task trainings; raise `UsageError` for no such variant, or no other."""
    able = [variant.name for variant in grid.variants if variant.cell is not None]
    if name not in able:
        known = [variant for variant in grid.variants if variant.name == name]
        reason = f"{name!r} cannot be trained: {known[0].reason}" if known else f"no variant {name!r}"
        raise UsageError(f"--against: {reason}", hint=suggest(name, able, "variants"))
    if len(able) < 2:
        raise UsageError(f"--against {name}: no other variant", hint="compare two or more")
    variants = (replace(variant, alone={}, parameters_alone={}) for variant in grid.variants)
    return replace(grid, variants=tuple(variants))


def _common(yardsticks: Mapping[str, Mapping[str, Yardstick]]) -> Mapping[str, Yardstick]:
    """Return the yardsticks that all variants have; raise `UsageError` where two have different ones."""
    (first, common), *others = yardsticks.items()
    for name, found in others:
        for task, yardstick in found.items():
            if task in common and yardstick != common[task]:
                known = common[task].metric
                raise UsageError(
                    f"task {task!r} is judged by {known} in {first!r} and by {yardstick.metric} in {name!r}: "
                    "such results cannot be compared",
                    hint=f"name a metric that all have, with the same range: --metric {task}=NAME",
                )
    return common


class SingleTask:
    """Makes variants with their single-task runs; each of those is composed once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, tuple[Cell, int]] = {}

    def variant(
        self, name: str, settings: Mapping[str, str], recipe: Recipe, composition: Composition
    ) -> Variant:
        alone, counts = {}, {}
        for task in composition.tasks:
            asked = baseline_recipe(recipe, task, composition, self._registry)
            key = repr(asked)
            if key not in self._known:
                single = self._composed(asked, task)
                cell = Cell(f"{task} alone, {_encoder(recipe)}", replace(single.recipe, seed=0), task)
                self._known[key] = cell, parameters_alone(single, task)
            alone[task], counts[task] = self._known[key]
        cell = Cell(name, replace(composition.recipe, seed=0))
        return Variant(name, settings, cell, alone, composition.parameters(), counts)

    def _composed(self, recipe: Recipe, task: str) -> Composition:
        try:
            return compose_started(recipe, self._registry, _unheard)[0]
        except RecipeError as error:
            # Where it was written is left out: it is no mistake there, only where the task is alone.
            raise RecipeError(
                [
                    replace(
                        problem, message=f"the single-task run of {task!r}: {problem.message}", where=None
                    )
                    for problem in error.problems
                ]
            ) from None


def _unheard(text: str) -> None:
    """What is odd about a run that weights come from is told again when a cell is trained."""


def _refuse_unknown_names(question: Question, registry: Registry) -> None:
    """Look every component of every axis up; complain about all unknown ones at once."""
    problems = []
    for axis in question.axes:
        for value in axis.values if axis.key in COMPONENTS else ():
            name = value.get("name") if isinstance(value, Mapping) else value
            try:
                registry.find(axis.key, str(name))
            except UsageError as error:
                problems.append(Problem(error.message, axis.origin, error.hint))
    if problems:
        raise RecipeError(problems)


def _source(question: Question, values: Sequence[Any], registry: Registry) -> RecipeSource:
    chosen = list(zip(question.axes, values, strict=True))
    flags = {axis.key: value for axis, value in chosen if axis.key in COMPONENTS}
    request = replace(question.request, flags={**question.request.flags, **flags})
    source = request.source(registry)
    for axis, value in chosen:
        if axis.key not in COMPONENTS:
            axis.put(source, value)
    source.put(("seed",), 0, "--seeds")
    return source


def _read_all(sources: Sequence[RecipeSource], registry: Registry) -> list[Recipe]:
    recipes, problems = [], []
    for source in sources:
        try:
            recipes.append(read(source, registry))
        except RecipeError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise RecipeError(problems)
    return recipes


def fixed_part(recipe: Recipe, axes: Sequence[Axis] = ()) -> dict[str, Any]:
    """Return a recipe as plain values without the seed, the export and what the axes vary."""
    tree = recipe.to_plain()
    for path in (("seed",), ("export",), *(tuple(axis.key.split(".")) for axis in axes)):
        here: Any = tree
        for key in path[:-1]:
            here = here.get(key) if isinstance(here, dict) else None
        if isinstance(here, dict):
            here.pop(path[-1], None)
            here.pop(path[-1].replace("-", "_"), None)
    return tree


def _untrained(name: str, settings: Mapping[str, str], error: MtlError) -> Variant:
    missing = isinstance(error, MissingRequirementError)
    reason = error.problems[0].message if isinstance(error, RecipeError) else error.message
    if missing and error.hint:
        reason = f"{reason}; {error.hint}"
    return Variant(
        name,
        settings,
        status=MISSING if missing else NOT_APPLICABLE,
        reason=reason,
        exit_status=error.status if missing else 0,
    )


def _name(axes: Sequence[Axis], values: Sequence[Any], recipe: Recipe) -> str:
    """Return the row's name: the values that vary; where none does, the sharing scheme."""
    parts = [axis.label(value) for axis, value in zip(axes, values, strict=True) if len(axis.values) > 1]
    return ", ".join(parts) or recipe.sharing.name


def _settings(axes: Sequence[Axis], values: Sequence[Any]) -> dict[str, str]:
    return {axis.key: axis.shown(value) for axis, value in zip(axes, values, strict=True)}


def _encoder(recipe: Recipe) -> str:
    return recipe.encoder.name.rpartition("/")[2]


def folder_name(grid: Grid) -> str:
    """Return a name for a comparison: its tasks, and what is varied."""
    tasks = "-".join(list(grid.yardsticks)[:3])
    varied = "-".join(axis.title.replace("/", "-") for axis in grid.axes if len(axis.values) > 1)
    return f"compare-{tasks}-by-{varied or 'seed'}"
