"""Checks of one record: what it points to is there and is what it says."""

from __future__ import annotations

import inspect
from typing import Any

from ..contracts import BUILT, contract_of
from ..discovery.plugin_loading import HOME
from ..recipe.recipe_reader import read
from ..recipe.request import Request
from .checks import CheckFailed, check, require
from .subjects import Subject

ENGINE_ARGUMENTS = {
    **dict.fromkeys(("dataset", "optimizer", "schedule", "exporter", "tracker", "executor"), 0),
    **dict.fromkeys(("encoder", "sharing"), 2),
}
"""How many positional arguments the engine gives; of other kinds, 1."""


@check(*BUILT)
def check_target_is_a_class_of_its_kind(subject: Subject) -> None:
    """The record's target exists and is a class that follows the contract of its kind."""
    component = subject.component
    contract = contract_of(subject.kind)
    require(
        inspect.isclass(component) and issubclass(component, contract),
        f"a subclass of mtl.contracts.{contract.__name__}",
        repr(component),
        f"derive the class at {subject.record.component.target!r} from {contract.__name__}",
    )
    abstract = sorted(getattr(component, "__abstractmethods__", ()))
    require(
        not abstract,
        "a complete class",
        f"no {', '.join(abstract)}",
        "write the methods the contract asks for",
    )
    if subject.kind != "form":  # its arguments are facts that tasks state, no options
        _check_engine_arguments(subject, component)
    _check_name_is_free(subject)


@check("recipe")
def check_recipe_resolves(subject: Subject) -> None:
    """The shipped recipe can be read, and every name and option in it is known."""
    name = subject.record.component.name
    if name not in subject.bench.names("recipe"):
        name = subject.record.qualified_name
    read(Request(recipe=name).source(subject.bench), subject.bench)


def _check_engine_arguments(subject: Subject, component: Any) -> None:
    # An encoder that joins others gets what makes them, too.
    expected = ENGINE_ARGUMENTS.get(subject.kind, 1) + (getattr(component, "joins", False) is True)
    parameters = list(inspect.signature(component).parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    free = [p.name for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    require(
        not free,
        "a constructor whose arguments are all named",
        f"it takes {', '.join(f'*{name}' for name in free)}",
        "name every option, so that a misspelled one is refused",
    )
    if len(positional) != expected:
        names = ", ".join(p.name for p in positional) or "none"
        raise CheckFailed(
            f"{expected} positional constructor argument{'' if expected == 1 else 's'}",
            f"{len(positional)}: {names}",
            "options are keyword-only: put `*` before the first; the engine's arguments stand before it",
        )


def _check_name_is_free(subject: Subject) -> None:
    if subject.distribution == HOME:
        return
    others = [
        entry
        for entry in subject.bench.entries(subject.kind)
        if entry.component.name == subject.name and entry.provider.distribution == HOME
    ]
    require(
        not others,
        "a name of its own",
        f"{subject.kind} {subject.name!r} is built in",
        "choose another name; a name claimed twice is refused unless written with its distribution",
    )
