"""Which executor has trainings done: the one that is named, or the usual one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.device import choose_device
from ..base.errors import Problem, RecipeError
from ..contracts import Executor
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Registry
from ..recipe.building import Builder
from ..recipe.recipe import Choice
from ..recipe.recipe_source import RecipeSource

_FLAG = "--executor"


def usual_executor(registry: Registry) -> Executor:
    """Return the executor where none is named."""
    return choose_executor(registry, registry.defaults("executor", "jobs")[0])


@dataclass(frozen=True)
class Hands:
    """Who does trainings: the executor, the device that it is asked for, and how many at a time.

    With `shares` any number of drivers may have trainings done in one folder.
    """

    executor: Executor
    device: str
    at_once: int | None = None
    shares: bool = False

    @classmethod
    def chosen(
        cls,
        registry: Registry,
        named: str | Mapping[str, Any] | None = None,
        device: str = "auto",
        at_once: int | None = None,
    ) -> Hands:
        """Return the executor that is named, or the usual one, whose folder is its own.

        It is reached, or refused. `device` is looked for on this machine, unless the executor computes on
        others. Raises as `choose_executor` and `choose_device`.
        """
        executor = usual_executor(registry) if named is None else choose_executor(registry, named)
        executor.reach()
        where = device if executor.elsewhere else str(choose_device(device))
        return cls(executor, where, at_once, shares=named is not None)


def choose_executor(registry: Registry, named: str | Mapping[str, Any]) -> Executor:
    """Return an executor by its name, or by `{name: ..., option: ...}`, also as text.

    Raises `RecipeError` for options that it has not, `MissingRequirementError` where its package is missing.
    """
    source = RecipeSource()
    if isinstance(named, str):
        source.set(f"executor={named}")
        named = source.tree["executor"]
    source.put(("executor",), named, _FLAG)
    choice = _choice(registry, source, named)
    executor: Executor = Builder(registry, source).build("executor", choice, ("executor",))
    return executor


def _choice(registry: Registry, source: RecipeSource, named: Any) -> Choice:
    given = dict(named) if isinstance(named, Mapping) else {"name": named}
    name = given.pop("name", None)
    if not isinstance(name, str):
        raise RecipeError([Problem("no executor is named", _FLAG, "write NAME, or {name: NAME, ...}")])
    options, problems = validate_options(options_of(registry.find("executor", name)), given)
    if problems:
        raise RecipeError([Problem(found.message, _FLAG, found.hint) for found in problems])
    return Choice(name, options)
