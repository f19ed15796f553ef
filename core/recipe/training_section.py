"""Reads the `train` section of a recipe: its own fields, and the optimizer and the schedule it names.

What an optimizer or a schedule shares with the section (`momentum`, `milestones`, `decay`) may be written in
either place, and stands in the section afterwards: one experiment has one recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from ..base.errors import UsageError
from ..discovery.options import OptionProblem, options_of, plain, validate_options
from ..discovery.registry import Registry
from .recipe import Choice, Training

KINDS = ("optimizer", "schedule")
"""The components that the section names."""

Complain = Callable[[OptionProblem], None]


def read_training(section: Mapping[str, Any], registry: Registry, complain: Complain) -> Training:
    """Return the section with every default filled in; what is wrong is told to `complain`."""
    fields = dict(section)
    chosen = {}
    for kind in KINDS:
        given = fields.pop(kind, None)
        try:
            chosen[kind] = _chosen(kind, given, registry)
        except UsageError as error:
            complain(OptionProblem((kind,), error.message, error.hint))
            continue
        for problem in _take_shared(kind, chosen[kind], fields, registry):
            complain(problem)
    complete, problems = validate_options(Training, fields)
    wrong = {problem.path[0] for problem in problems if problem.path}
    for kind, choice in chosen.items():
        problems += _own_problems(kind, choice, fields, wrong, registry)
    for problem in problems:
        complain(problem)
    names = {kind: _written(kind, choice, registry) for kind, choice in chosen.items()}
    return Training(**complete | names)


def choice_of(kind: str, training: Training, registry: Registry) -> Choice:
    """Return the optimizer or schedule of a training with all its options, those in the section included."""
    choice = _chosen(kind, getattr(training, kind), registry)
    model = options_of(registry.find(kind, choice.name))
    shared = {name: plain(getattr(training, name)) for name in _shared(model)}
    complete, problems = validate_options(model, {**choice.options, **shared})
    if problems:
        raise UsageError(f"{kind} {choice.name!r}: {problems[0].message}", hint=problems[0].hint)
    return Choice(choice.name, complete)


def _chosen(kind: str, given: Any, registry: Registry) -> Choice:
    """Return the component that is named, or the usual one; raise `UsageError` when there is none."""
    if isinstance(given, str):
        given = {"name": given}
    if given is not None and not isinstance(given, Mapping):
        raise UsageError(f"{kind} must be a name or a mapping with a `name`, got {repr(given)[:60]}")
    options = {key.replace("-", "_"): value for key, value in (given or {}).items()}
    name = options.pop("name", None)
    if name is None:
        usual = registry.defaults(kind, "recipe")
        if not usual:
            raise UsageError(f"no {kind} is chosen and none is the default", hint=f"mtl list {kind}")
        name = usual[0]
    if not isinstance(name, str):
        raise UsageError(f"the name of the {kind} must be text, got {repr(name)[:60]}")
    registry.find(kind, name)
    return Choice(name, options)


def _shared(model: type[BaseModel]) -> Iterator[str]:
    return (name for name in model.model_fields if name in Training.model_fields)


def _take_shared(
    kind: str, choice: Choice, fields: dict[str, Any], registry: Registry
) -> Iterator[OptionProblem]:
    """Move what the component shares with the section there, its own defaults included."""
    model = options_of(registry.find(kind, choice.name))
    for name in _shared(model):
        usual = plain(model.model_fields[name].default)
        own = choice.options.get(name, fields.get(name, usual))
        if fields.setdefault(name, own) != own:
            message = f"{name} is {fields[name]!r} in train and {own!r} in its {kind}"
            yield OptionProblem((kind, name), message, "say it in one place")


def _own_problems(
    kind: str, choice: Choice, fields: Mapping[str, Any], wrong: set[str | int], registry: Registry
) -> Iterator[OptionProblem]:
    """Yield what is wrong with the component's options, where that was not told of the section."""
    model = options_of(registry.find(kind, choice.name))
    shared = {name: fields[name] for name in _shared(model)}
    for problem in validate_options(model, {**choice.options, **shared})[1]:
        name = str(problem.path[0]) if problem.path else ""
        if name in wrong:
            continue
        path = (kind, *problem.path) if name in choice.options else problem.path
        hint = problem.hint
        if name in Training.model_fields and name not in model.model_fields:
            hint = f"it is the training's: train.{name}"
        yield OptionProblem(path, f"{kind} {choice.name!r}: {problem.message}", hint)


def _written(kind: str, choice: Choice, registry: Registry) -> str | dict[str, Any]:
    """Return the component as the section has it: its name alone unless an option of its own differs."""
    model = options_of(registry.find(kind, choice.name))
    shared = set(_shared(model))
    complete, _ = validate_options(model, {k: v for k, v in choice.options.items() if k not in shared})
    own = {
        name: plain(value)
        for name, value in complete.items()
        if name not in shared and plain(value) != plain(model.model_fields[name].default)
    }
    return {"name": choice.name, **own} if own else choice.name
