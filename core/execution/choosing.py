"""Which executor has trainings done: the one that is named, or the usual one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.device import choose_device
from ..base.errors import ComponentError, Problem, RecipeError
from ..contracts import Executor, Job, JobEnding, Work
from ..discovery.options import options_of, validate_options
from ..discovery.registry import Registry
from ..discovery.responsibility import Owners
from ..recipe.building import Builder
from ..recipe.recipe import Choice
from ..recipe.recipe_source import RecipeSource

_FLAG = "--executor"


@dataclass(frozen=True)
class Hands:
    """Who does trainings: the executor, the device that it is asked for, and how many at a time.

    With `shares` any number of drivers may have trainings done in one folder.
    """

    executor: Executor
    device: str
    at_once: int | None = None
    shares: bool = False
    owners: Owners = field(default_factory=Owners, compare=False)
    """Whose the executor is, for messages."""

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
        usual = registry.defaults("executor", "jobs")[0]
        executor, owners = _built(registry, usual if named is None else named)
        with owners.at_work("when it was to reach who does the work"):
            executor.reach()
        where = device if executor.elsewhere else str(choose_device(device))
        return cls(executor, where, at_once, shares=named is not None, owners=owners)

    def endings(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        """Yield how jobs end, as the executor does.

        Raises `ComponentError` that names the executor for whatever it raises, or yields that is no ending
        of a job that it was given.
        """
        given: set[str] = set()
        endings: Iterator[JobEnding] | None = None
        while True:
            with self.owners.at_work("while it had work done"):
                endings = endings or iter(self.executor.execute(_noted(jobs, given), work))
                ending = next(endings, None)
            if ending is None:
                return
            if not isinstance(ending, JobEnding) or ending.key not in given:
                raise ComponentError(
                    f"{self.owners.named(self.executor)} yielded {ending!r}, which ends no job that it has",
                    hint="yield what `work.perform` returns, once; `mtl plugin check` says more",
                )
            given.remove(ending.key)
            yield ending


def _noted(jobs: Iterator[Job], given: set[str]) -> Iterator[Job]:
    for job in jobs:
        given.add(job.key)
        yield job


def choose_executor(registry: Registry, named: str | Mapping[str, Any]) -> Executor:
    """Return an executor by its name, or by `{name: ..., option: ...}`, also as text.

    Raises `RecipeError` for options that it has not, `MissingRequirementError` where its package is missing.
    """
    return _built(registry, named)[0]


def _built(registry: Registry, named: str | Mapping[str, Any]) -> tuple[Executor, Owners]:
    source = RecipeSource()
    if isinstance(named, str):
        source.set(f"executor={named}")
        named = source.tree["executor"]
    source.put(("executor",), named, _FLAG)
    choice = _choice(registry, source, named)
    builder = Builder(registry, source)
    executor: Executor = builder.build("executor", choice, ("executor",))
    return executor, builder.owners


def _choice(registry: Registry, source: RecipeSource, named: Any) -> Choice:
    given = dict(named) if isinstance(named, Mapping) else {"name": named}
    name = given.pop("name", None)
    if not isinstance(name, str):
        raise RecipeError([Problem("no executor is named", _FLAG, "write NAME, or {name: NAME, ...}")])
    options, problems = validate_options(options_of(registry.find("executor", name)), given)
    if problems:
        raise RecipeError([Problem(found.message, _FLAG, found.hint) for found in problems])
    return Choice(name, options)
