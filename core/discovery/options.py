"""The options of a component: the keyword-only arguments of its constructor, as one pydantic model.

The same model validates recipes, fills `mtl show` and the JSON Schema.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from ..base.errors import MOST_SHOWN, ComponentError, described, did_you_mean

if TYPE_CHECKING:
    from .registry import Entry


@dataclass(frozen=True)
class OptionProblem:
    """One mistake in a component's options: the path below the component, what is wrong, what would work.

    `unknown`: there is no such option.
    """

    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    unknown: bool = False


@dataclass(frozen=True)
class OptionDescription:
    """One option as shown to people: its type, default and range as text."""

    name: str
    type: str
    default: Any
    range: str
    description: str


LATER = "later"
"""What an option says in its `json_schema_extra` that its component had not from the beginning."""


@cache
def options_model(component: Callable[..., Any]) -> type[BaseModel]:
    """Return the pydantic model of a class's keyword-only constructor arguments.

    Raises `ComponentError` when an argument has no type or no default, or is called `name`, and when a type
    is unknown or none that a recipe can hold.

    >>> class Tiny:
    ...     def __init__(self, image: object, *, width: int = 3) -> None: ...
    >>> options_model(Tiny)().model_dump()
    {'width': 3}
    """
    where = f"{component.__module__}:{component.__qualname__}"
    with _understood(where):
        constructor: Callable[..., Any] = component.__init__ if inspect.isclass(component) else component
        hints = typing.get_type_hints(constructor, include_extras=True)
        parameters = inspect.signature(constructor).parameters
    fields = _fields(parameters, hints, where)
    with _understood(where):
        return create_model(
            f"{component.__name__}Options",
            __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=()),
            **fields,
        )


def options_of(entry: Entry) -> type[BaseModel]:
    """Return the options of a registered component; an error names its distribution too."""
    component = entry.load()
    try:
        return options_model(component)
    except ComponentError as error:
        raise ComponentError(f"{entry.label}: {error.message}", hint=error.hint) from error


def options_schema(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Return the JSON Schema of options by name; raise `ComponentError` for a type that has none.

    It refers to definitions whose names begin with `prefix`.
    """
    found: dict[str, Any] = _schema(model, prefix).get("properties", {})
    return found


def options_definitions(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Return the JSON Schemas that `options_schema` refers to, by name without the prefix."""
    found: dict[str, Any] = _schema(model, prefix).get("$defs", {})
    return found


def _schema(model: type[BaseModel], prefix: str) -> dict[str, Any]:
    with _understood(model.__name__):
        return model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")


@contextmanager
def _understood(where: str) -> Iterator[None]:
    """Turn what goes wrong with the types of a constructor into `ComponentError`: they may be anything."""
    try:
        yield
    except Exception as error:
        raise ComponentError(
            f"the options of {where} cannot be read: {described(error)}",
            hint="mend the types of its constructor's keyword-only arguments",
        ) from error


def _fields(
    parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any], component: str
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        where = f"option {name!r} of {component}"
        if name not in hints:
            raise ComponentError(f"{where} has no type")
        if name == "name":
            raise ComponentError(f"{where} cannot be set: in a recipe, name is the component's own")
        if parameter.default is inspect.Parameter.empty:
            raise ComponentError(f"{where} has no default")
        fields[name] = (hints[name], parameter.default)
    return fields


def validate_options(
    model: type[BaseModel], values: Mapping[str, Any]
) -> tuple[dict[str, Any], list[OptionProblem]]:
    """Return the complete options (defaults filled in) and the problems found; options are empty on problems.

    Names may be written with hyphens. Validation is strict: `"5"` is no number and `1` is no boolean.
    """
    normalised: dict[str, Any] = {}
    problems = []
    for key, value in values.items():
        name = key.replace("-", "_")
        if name in normalised:
            problems.append(OptionProblem((key,), f"option {key!r} is given twice"))
        normalised[name if name in model.model_fields else key] = value
    try:
        # JSON mode is strict about types and still lets a list stand for a tuple, as YAML needs.
        complete = model.model_validate_json(json.dumps(normalised, default=str))
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_problem(model, dict(detail)) for detail in details[:MOST_SHOWN]]
        problems += [OptionProblem(tuple(detail["loc"]), detail["msg"]) for detail in details[MOST_SHOWN:]]
        return {}, problems
    found = {name: getattr(complete, name) for name in model.model_fields}
    return {name: value for name, value in found.items() if not _silent(model, name, value)}, problems


def _silent(model: type[BaseModel], name: str, value: Any) -> bool:
    """Return whether an option came later and says nothing: recipes from before it keep their hash."""
    info = model.model_fields[name]
    extra = info.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get(LATER)) and bool(value == info.default)


def describe_options(model: type[BaseModel]) -> list[OptionDescription]:
    """Return one description per option, in the order of the constructor."""
    schema = options_schema(model)
    return [
        OptionDescription(
            name,
            _type_name(schema[name]),
            json.loads(json.dumps(info.default, default=str)),
            _range(info),
            info.description or "",
        )
        for name, info in model.model_fields.items()
    ]


def plain(value: Any) -> Any:
    """Return the value as YAML and JSON know it: tuples become lists, paths become strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if callable(as_list := getattr(value, "tolist", None)):
        return as_list()  # numbers of NumPy or torch, one or many
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _problem(model: type[BaseModel], detail: dict[str, Any]) -> OptionProblem:
    path = tuple(detail["loc"])
    name = str(path[0]) if path else ""
    if detail["type"] == "extra_forbidden":
        known = list(model.model_fields) if len(path) == 1 else _nested(model)
        hint = did_you_mean(str(path[-1]), known) or (
            f"options: {', '.join(known)}" if known else "it takes no options"
        )
        return OptionProblem(path, f"unknown option {'.'.join(map(str, path))!r}", hint, unknown=True)
    info = model.model_fields.get(name)
    message = detail["msg"][0].lower() + detail["msg"][1:]
    for word, plainer in _WORDS.items():
        message = message.replace(word, plainer)
    shown = json.dumps(detail["input"], default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    advice = [_near(detail), *([] if info is None else [_usual(info, nested=len(path) > 1)])]
    trail = ".".join(str(part) for part in path)
    said = " ".join(filter(None, advice))
    return OptionProblem(path, f"option {trail!r}: {message}, got {shown}", said or None)


def _near(detail: Mapping[str, Any]) -> str | None:
    """Return which of a few words may have been meant, wherever in an option they stand."""
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return None
    return did_you_mean(detail["input"], re.findall(r"'([^']*)'", detail["ctx"]["expected"]))


def _usual(info: FieldInfo, *, nested: bool) -> str:
    """Return an option's default and what is allowed; an empty default says nothing of a value in it."""
    default = "" if nested and not info.default else f"default: {json.dumps(plain(info.default))}"
    allowed = f"allowed: {found}" if (found := _range(info)) else ""
    return "; ".join(filter(None, [default, allowed]))


def _nested(model: type[BaseModel]) -> list[str]:
    """Return the options of the models that a model has options of."""
    models = options_definitions(model)
    return list(dict.fromkeys(name for schema in models.values() for name in schema.get("properties", {})))


_WORDS = {"valid array": "list", "valid integer": "whole number", "valid dictionary": "mapping", "valid ": ""}
_BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "length >=", "max_length": "length <="}


def _range(info: FieldInfo) -> str:
    found = [
        f"{sign} {getattr(item, name)}"
        for item in info.metadata
        for name, sign in _BOUNDS.items()
        if getattr(item, name, None) is not None
    ]
    if typing.get_origin(info.annotation) is typing.Literal:
        found.append(", ".join(str(choice) for choice in typing.get_args(info.annotation)))
    return " and ".join(found)


def _type_name(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return "choice"
    if "$ref" in schema:
        return "mapping"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type_name(option) for option in schema["anyOf"]))
    name = str(schema.get("type", "any"))
    if name == "array":
        inner = schema.get("items") or {}
        return f"list of {_type_name(inner)}" if isinstance(inner, Mapping) and inner else "list"
    if name == "object":
        inner = schema.get("additionalProperties")
        return f"mapping to {_type_name(inner)}" if isinstance(inner, Mapping) else "mapping"
    if name == "string" and schema.get("format") == "path":
        return "path"
    return {"null": "none", "number": "number", "integer": "whole number", "boolean": "true/false"}.get(
        name, name
    )
