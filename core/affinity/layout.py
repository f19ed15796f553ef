"""What is trained to find out which tasks belong together, composed and priced before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from ..base.errors import MtlError, RecipeError, UsageError
from ..comparison.baselines import alone_of, baseline_recipe, part_recipe
from ..comparison.cells import Cell
from ..comparison.grid import Grid, Question, SingleTask, Variant, fixed_part
from ..comparison.yardsticks import yardsticks_of
from ..composition.composition import Composition
from ..discovery.registry import Registry
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..running.starting import compose_started
from .partitions import Group, groups_of
from .prices import Budget, Price, amount, price_of, refuse_too_little

MOST = 8
"""Tasks that can be asked about: nine have five times as many groupings, and 36 pairs to train."""
LOOKAHEAD = 4
"""Batches after each epoch, where the recipe says nothing."""
ASKS = "which tasks together"


@dataclass(frozen=True)
class Layout:
    """The grid of what is trained (pairs, and all tasks together, beside each task alone), and the prices.

    `groups` has the tasks of each variant of the grid, by its name.
    """

    grid: Grid
    groups: Mapping[str, Group]
    prices: Mapping[Group, Price]
    budget: Budget

    @property
    def tasks(self) -> Group:
        """All tasks, in the recipe's order."""
        return tuple(self.grid.yardsticks)


def lay_out_groups(
    question: Question, registry: Registry, parameters: str | None = None, multiply_adds: str | None = None
) -> Layout:
    """Compose every group of tasks, and price it; `parameters` and `multiply_adds` are the budget as written.

    Raises `UsageError` for fewer than two tasks or more than eight, tasks that share nothing, one that trains
    nothing, and a budget that no grouping meets; and what a quick look at the data finds wrong.
    """
    recipe, whole = _whole(question, registry)
    tasks = tuple(whole.tasks)
    prices = _Prices(registry, recipe, whole)
    full = prices.of(tasks)
    budget = Budget(
        amount("--parameters", parameters, full.parameters),
        amount("--multiply-adds", multiply_adds, full.multiply_adds),
    )
    priced = {group: prices.of(group) for group in groups_of(tasks)}
    refuse_too_little(budget, tasks, priced)
    variants = _variants(recipe, whole, registry)
    yardsticks = yardsticks_of(whole, question.metrics)
    looked_at = tuple(map(str, whole.glance()))
    fixed = fixed_part(recipe)
    trained = tuple(variants.values())
    grid = Grid((), question.seeds, trained, yardsticks, fixed, asks=ASKS, looked_at=looked_at)
    groups = {variant.name: group for group, variant in variants.items()}
    return Layout(grid, groups, priced, budget)


def _variants(recipe: Recipe, whole: Composition, registry: Registry) -> dict[Group, Variant]:
    """Return every pair, and all tasks together, beside each task of them alone."""
    tasks = tuple(whole.tasks)
    single = SingleTask(registry).variant("", {}, recipe, whole)
    found = {}
    for group in [*combinations(tasks, 2), *([tasks] if len(tasks) > 2 else [])]:
        made = whole if group == tasks else _composed(part_recipe(recipe, group, whole), group, registry)
        cell = Cell(" + ".join(group), replace(made.recipe, seed=0))
        alone = {task: single.alone[task] for task in group}
        counts = {task: single.parameters_alone[task] for task in group}
        found[group] = Variant(cell.title, {}, cell, alone, made.parameters(), counts)
    return found


def _whole(question: Question, registry: Registry) -> tuple[Recipe, Composition]:
    """Return the recipe of all tasks, which measures lookahead affinities, and its composition."""
    source = question.request.source(registry)
    source.put(("seed",), 0, "--seeds")
    recipe = read(source, registry)
    count = len(recipe.tasks)
    if not 2 <= count <= MOST:
        told = "one task alone cannot be grouped" if count < 2 else f"{count} tasks are too many"
        raise UsageError(told, hint=f"name two to {MOST} tasks")
    for choice in recipe.tasks:
        if choice.weight == 0:
            raise UsageError(f"task {choice.name!r} has the weight 0: it trains nothing", hint="leave it out")
    train = recipe.train
    if not train.lookahead:
        recipe = replace(recipe, train=train.model_copy(update={"lookahead": LOOKAHEAD}))
    composition, _ = compose_started(recipe, registry, _unheard, source)
    if not composition.model.sharing.trained_together():
        raise UsageError(
            f"sharing {recipe.sharing.name!r} trains no parameters that tasks share: none can help another",
            hint="choose a sharing scheme, such as hard",
        )
    return recipe, composition


class _Prices:
    """Composes groups as they would be deployed: of these tasks alone, whatever changed what others saw."""

    def __init__(self, registry: Registry, recipe: Recipe, whole: Composition) -> None:
        self._registry, self._recipe, self._whole = registry, recipe, whole

    def of(self, group: Group) -> Price:
        """Return the price of the model of a group."""
        if group == tuple(self._whole.tasks):
            return price_of(self._whole)
        if len(group) == 1:
            recipe = baseline_recipe(self._recipe, group[0], self._whole, self._registry)
        else:
            recipe = part_recipe(self._recipe, group, self._whole)
        return price_of(_composed(alone_of(recipe, group), group, self._registry))


def _composed(recipe: Recipe, group: Group, registry: Registry) -> Composition:
    try:
        composition, _ = compose_started(recipe, registry, _unheard)
    except MtlError as error:
        reason = error.problems[0].message if isinstance(error, RecipeError) else error.message
        raise UsageError(
            f"{' + '.join(group)} cannot be trained together: {reason}", hint=error.hint
        ) from None
    return composition


def _unheard(text: str) -> None:
    """What is odd about a run that weights come from is told again when a cell is trained."""
