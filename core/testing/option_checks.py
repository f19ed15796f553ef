"""Checks of options: typed, defaulted, described; the same after YAML; wrong ones refused by name."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ..contracts import BUILT
from ..discovery.options import describe_options, options_model, plain, validate_options
from ..recipe.recipe_source import parse_recipe_text, write_yaml
from .checks import CheckFailed, check, require
from .subjects import Subject

_WRONG: tuple[Any, ...] = (
    "\x00 no such choice",
    {"no such key": [None]},
    [[{"x": None}]],
    -1e300,
    True,
    None,
)
"""Values of every JSON type, none of them sensible; an option that takes them all has no type."""


@check(*BUILT)
def check_options_are_described(subject: Subject) -> None:
    """Every option is typed, has a default that its own type allows, and is described."""
    model = options_model(subject.component)
    described = describe_options(model)
    for option in described:
        require(
            option.description.strip(),
            f"a description of option {option.name!r}",
            "none",
            f"write `{option.name}: Annotated[..., Field(description='...')] = ...`",
        )
        require(
            option.type != "any",
            f"a type of option {option.name!r}",
            "any value at all",
            "give it a type that a recipe can hold: numbers, text, Literal, tuples or mappings of these",
        )
    _, problems = validate_options(model, _defaults(model))
    if problems:
        raise CheckFailed(
            "defaults that the options' own types allow",
            problems[0].message,
            "mend the default or the type",
        )


@check(*BUILT)
def check_options_survive_yaml(subject: Subject) -> None:
    """Options written as YAML and read again are the same options, for every choice they have."""
    model = options_model(subject.component)
    for values in _variants(model):
        complete, problems = validate_options(model, values)
        if problems:
            raise CheckFailed(
                "options that can be given as YAML",
                problems[0].message,
                "use types that YAML can hold; a list stands for a tuple",
            )
        text = write_yaml({"name": subject.name, **plain(complete)})
        tree = parse_recipe_text(text, "options.yaml").tree
        again, problems = validate_options(
            model, {key: value for key, value in tree.items() if key != "name"}
        )
        lost = [name for name in complete if complete[name] != again.get(name)]
        require(
            not lost and not problems,
            "the same options after YAML",
            f"option {lost[0]!r}: {complete[lost[0]]!r} became {again.get(lost[0])!r}" if lost else problems,
            "use types whose values compare equal and that YAML can hold",
        )


@check(*BUILT)
def check_bad_options_are_refused(subject: Subject) -> None:
    """An unknown option, and a value of a wrong type, are refused by the option's name."""
    model = options_model(subject.component)
    unknown = "no_such_option"
    _require_named(model, {unknown: 1}, unknown, "an unknown option")
    for name in model.model_fields:
        refused = [value for value in _WRONG if validate_options(model, {name: value})[1]]
        require(
            refused,
            f"option {name!r} to refuse a value of a wrong type",
            "text, mappings, lists, numbers, true and null are all taken",
            "give the option the type it has",
        )
        _require_named(model, {name: refused[0]}, name, "a wrong value")


def _require_named(model: type[BaseModel], values: dict[str, Any], name: str, what: str) -> None:
    _, problems = validate_options(model, values)
    named = any(name in problem.message for problem in problems)
    require(
        named,
        f"{what} to be refused by its name, {name!r}",
        problems[0].message if problems else "it is taken",
        "let the option's type do the checking, without a validator that hides the name",
    )


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    return {name: plain(info.default) for name, info in model.model_fields.items()}


def _variants(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """Yield the defaults, then the defaults with each other choice of each option."""
    yield _defaults(model)
    for name, info in model.model_fields.items():
        for choice in _choices(info.annotation):
            if choice != info.default:
                yield {**_defaults(model), name: choice}


def _choices(annotation: Any) -> tuple[Any, ...]:
    if annotation is bool:
        return (False, True)
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    return ()
