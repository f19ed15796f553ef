"""What is searched, known to be possible: the recipe, the space over it, and what the search is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from ..base.errors import Problem, RecipeError, UsageError, did_you_mean
from ..comparison.grid import fixed_part
from ..comparison.yardsticks import yardsticks_of
from ..discovery.registry import Registry
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..recipe.request import Request
from ..running.starting import compose_started
from .objectives import Objective, read_objectives
from .sampling import Rule, Sampler, library
from .space import Choices, Dimension, Only, Range, Value, above, put, relevant
from .trials import Trial


@dataclass(frozen=True)
class Question:
    """What is asked: a recipe as `mtl compose` takes it, the space over it, and what is looked for."""

    request: Request
    space: tuple[Dimension, ...]
    objectives: tuple[str, ...] = ()
    metrics: Mapping[str, str] = field(default_factory=dict)
    sampler: str = "tpe"
    pruner: str = "median"


@dataclass(frozen=True)
class Layout:
    """A search that can begin; `own` are the recipe's own values where all of them lie in the space.

    `base` is the recipe as it was read: a file that changes meanwhile changes no trial.
    """

    question: Question
    base: RecipeSource = field(repr=False)
    recipe: Recipe
    space: tuple[Dimension, ...]
    objectives: tuple[Objective, ...]
    own: Mapping[str, Value] | None = None
    looked_at: tuple[str, ...] = ()
    """What a quick look at the data said, line by line."""

    @property
    def name(self) -> str:
        """The name of the folder that a search has by itself."""
        return "search-" + "-".join([choice.name for choice in self.recipe.tasks][:3])

    def plan(self) -> dict[str, Any]:
        """Return what makes two searches the same, whatever the number of trials."""
        return {
            "recipe": {**fixed_part(self.recipe), "seed": self.recipe.seed},
            "space": {item.key: item.written for item in self.space},
            "objectives": [item.to_json() for item in self.objectives],
            "sampler": self.question.sampler,
            "pruner": self.question.pruner,
        }

    def source(self, values: Mapping[str, Value]) -> RecipeSource:
        """Return the recipe with the values of a trial."""
        source = RecipeSource(deepcopy(self.base.tree), dict(self.base.origins))
        for item in self.space:
            if item.key in values:
                put(source, item, values[item.key])
        return source

    @property
    def sampler(self) -> Sampler:
        """What draws the values of trials."""
        directions = [_DIRECTIONS[item.direction] for item in self.objectives]
        return Sampler(self.space, directions, self.question.sampler, self.recipe.seed)

    def rule(self, recipe: Recipe, known: Sequence[Trial]) -> Rule | None:
        """Return when a trial is stopped, by trials that have ended; None where none is."""
        if not self.prunes:
            return None
        curves = tuple(trial.curve for trial in known if trial.state == "finished" and trial.curve)
        return Rule(_DIRECTIONS[self.objectives[0].direction], recipe.train.epochs, curves)

    @property
    def prunes(self) -> bool:
        """Whether trials may be stopped early: of several objectives nothing says which is worse."""
        return self.question.pruner != "none" and len(self.objectives) == 1


_DIRECTIONS = {"higher": "maximize", "lower": "minimize"}


def lay_out(question: Question, registry: Registry, *, looks: bool = True) -> Layout:
    """Read and compose the recipe, and hold every end of the space against it.

    Raises `MissingRequirementError` without optuna, and `RecipeError` with all mistakes at once: options that
    there are not, and values that they do not take. It `looks` at some of the data's files last, and raises
    what is found wrong with them.
    """
    library()
    base = question.request.source(registry)
    recipe = read(base, registry)
    composition, _ = compose_started(recipe, registry, _unheard)
    objectives = read_objectives(question.objectives, yardsticks_of(composition, question.metrics))
    layout = Layout(question, base, composition.recipe, question.space, objectives)
    tried = _Trying(layout, recipe, registry)
    space = tuple(tried.settled(item) for item in question.space)
    if tried.problems:
        raise RecipeError(tried.problems)
    own = {item.key: tried.own(item) for item in space}
    there = relevant(space, {key: value for key, value in own.items() if value is not None})
    whole = all(item.key in there for item in space if item.only is None or _has(item.only, there))
    looked_at = tuple(map(str, composition.glance())) if looks else ()
    return replace(layout, space=space, own=there if whole else None, looked_at=looked_at)


def _has(only: Only, values: Mapping[str, Value]) -> bool:
    return values.get(only.key) in only.texts


class _Trying:
    """Sets one value of the space at a time in the recipe, and gathers what is wrong with it."""

    def __init__(self, layout: Layout, recipe: Recipe, registry: Registry) -> None:
        self._layout = layout
        self._recipe = recipe
        self._registry = registry
        self.problems: list[Problem] = []

    def settled(self, item: Dimension) -> Dimension:
        """Return a dimension, whole where nothing between is taken; complain of ends that are not taken."""
        choice = above(item, self._layout.space)
        under: list[dict[str, Value]] = (
            [{}] if choice is None else [{choice.key: text} for text in choice.texts]
        )
        found = [self._unknown_task(item) or self._faults(item, values) for values in under]
        if all(found):
            self.problems += [problem for problem in found[0] if problem not in self.problems]
            return item
        if choice is not None and any(found):
            texts = tuple(text for text, wrong in zip(choice.texts, found, strict=True) if not wrong)
            item = replace(item, only=Only(choice.key, texts))
        right = under[found.index([])]
        return replace(item, whole=self._is_whole(item, right)) if isinstance(item, Range) else item

    def _faults(self, item: Dimension, values: Mapping[str, Value]) -> list[Problem]:
        """Return what is wrong with the ends of a dimension, beside others; of a range with one."""
        problems: list[Problem] = []
        for value in item.ends:
            if problems and isinstance(item, Range):
                break
            try:
                recipe = self._read({**values, item.key: value})
                if isinstance(item, Range):
                    self._compose(item, value, recipe)
            except RecipeError as error:
                problems += [problem for problem in error.problems if problem not in problems]
            except UsageError as error:
                return [*problems, Problem(error.message, None, error.hint)]
        return problems

    def own(self, item: Dimension) -> Value | None:
        """Return the recipe's own value where it lies in the space."""
        if isinstance(item, Choices):
            return next((text for text in item.texts if self._is_own({item.key: text})), None)
        here: Any = self._recipe.to_plain()
        for key in item.key.split("."):
            here = here.get(key, here.get(key.replace("-", "_"))) if isinstance(here, dict) else None
        fits = isinstance(here, int | float) and not isinstance(here, bool) and item.low <= here <= item.high
        return here if fits and (not item.whole or isinstance(here, int)) else None

    def _is_own(self, values: Mapping[str, Value]) -> bool:
        try:
            return self._read(values) == self._recipe
        except RecipeError:  # its component has no such option
            return False

    def _read(self, values: Mapping[str, Value]) -> Recipe:
        return read(self._layout.source(values), self._registry)

    def _compose(self, item: Range, value: Value, recipe: Recipe) -> None:
        source = RecipeSource(recipe.to_plain(), {tuple(item.key.split(".")): f"{item.flag} {item.key}"})
        try:
            compose_started(recipe, self._registry, _unheard, source)
        except RecipeError as error:
            raise RecipeError(
                [
                    Problem(f"at {value}: {problem.message}", f"{item.flag} {item.key}", problem.hint)
                    for problem in error.problems
                ]
            ) from error

    def _is_whole(self, item: Range, values: Mapping[str, Value]) -> bool:
        if not (isinstance(item.low, int) and isinstance(item.high, int)):
            return False
        try:
            self._read({**values, item.key: item.low + 0.5})
        except RecipeError:
            return True
        return False

    def _unknown_task(self, item: Dimension) -> list[Problem]:
        """Return a complaint of a task that the recipe has not: setting a value of one would add it."""
        section, _, rest = item.key.partition(".")
        task, names = rest.partition(".")[0], [choice.name for choice in self._recipe.tasks]
        if section != "tasks" or task in names:
            return []
        hint = did_you_mean(task, names) or f"tasks: {', '.join(names)}"
        return [Problem(f"the recipe has no task {task!r}", f"{item.flag} {item.key}", hint)]


def _unheard(text: str) -> None:
    """What is odd about a run that weights come from is told again when a trial is trained."""
