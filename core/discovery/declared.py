"""Whether what a component declares and answers has the form that its contract states.

The contracts' own annotations are the form: nothing is written down twice. Few things are beyond types, and
those stand in a table here.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite, isnan
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from ..base.errors import ComponentError
from ..contracts import BUILT, Balancer, Exporter, Form, Metric, Task, Tracker, contract_of


def require_declared(label: str, component: object) -> None:
    """Raise `ComponentError` for an attribute that has not the form its contract states.

    One that a component lacks is left to the check that needs it.
    """
    for contract in _contracts_of(component):
        for name, (form, stated) in _declared(contract).items():
            if hasattr(component, name):
                value = getattr(component, name)
                if not fits(value, form):
                    raise _misfit(label, name, value, stated)
                _refuse_beyond(label, contract, name, value)


def ask(label: str, component: object, method: str, *arguments: Any) -> Any:
    """Return what a component's method answers; raise `ComponentError` for another form than is stated."""
    answered = getattr(component, method)(*arguments)
    require_answer(label, component, method, answered)
    return answered


def require_answer(label: str, component: object, method: str, answered: Any) -> None:
    """Raise `ComponentError` when what a component's method answered has another form than is stated."""
    for contract in _contracts_of(component):
        form, stated = _answer(contract, method)
        if not fits(answered, form):
            raise ComponentError(
                f"{label}: {method} answered {shown(answered)}, stated {stated}",
                hint="mend it; `mtl plugin check` says more",
            )


def fits(value: Any, form: Any) -> bool:
    """Return whether a value has the form of an annotation; a list may be a tuple, NaN is no number.

    >>> fits(["a", "b"], tuple[str, ...]), fits("ab", tuple[str, ...]), fits(float("nan"), float)
    (True, False, False)
    """
    form = _meant(form)
    origin, inner = typing.get_origin(form), typing.get_args(form)
    if origin is typing.Annotated:
        return fits(value, inner[0])
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, choice) for choice in inner)
    if origin is typing.Literal:
        return any(type(value) is type(choice) and value == choice for choice in inner)
    if form in (None, types.NoneType):
        return value is None
    if form in (bool, int, float):
        return _is_number(value, form)
    if origin is not None:
        return _holds(value, origin, inner)
    if form is Any or not isinstance(form, type):
        return True
    return isinstance(value, form) and all(fits(*field) for field in _fields(value))


def _meant(form: Any) -> Any:
    """Return what a name for a type stands for (`type X = ...`): NumPy's `NDArray` since Python 3.12."""
    name = typing.get_origin(form) or form
    if isinstance(name, type) or not hasattr(name, "__value__"):
        return form
    inner = typing.get_args(form)
    return _meant(name.__value__[inner] if inner else name.__value__)


def shown(value: object) -> str:
    """Return a value as a message shows it: itself where it is short and plain, otherwise its type."""
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)[:60]
    plain = isinstance(value, list | tuple | set | frozenset | dict) or is_dataclass(value)
    if plain and len(text := _text(value)) <= 60:
        return text
    return f"of type {type(value).__name__}"


def _text(value: object) -> str:
    try:
        return repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # what a stranger's object says of itself is not needed
        return " " * 61


def _is_number(value: object, form: type) -> bool:
    if isinstance(value, bool) or form is bool:
        return isinstance(value, bool) and form is bool
    if form is int:
        return isinstance(value, Integral)
    return isinstance(value, Real) and not isnan(value)


def _holds(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    """Return whether a container is of its kind and all that it holds is of the form within."""
    if origin is tuple and inner[-1:] != (...,):
        return (
            isinstance(value, tuple | list)
            and len(value) == len(inner)
            and all(fits(*pair) for pair in zip(value, inner, strict=True))
        )
    if issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items()
        )
    if issubclass(origin, Set):
        return isinstance(value, Set) and all(fits(item, inner[0]) for item in value)
    if issubclass(origin, Sequence):
        return isinstance(value, tuple | list) and all(fits(item, inner[0]) for item in value)
    return isinstance(value, origin)


def _fields(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the fields of a data class with their forms; nothing for other values."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        yield from ((getattr(value, field.name), hints[field.name]) for field in fields(value))


@cache
def _hints(kind: type) -> dict[str, Any]:
    # A data set's spec names `Form`, whose module imports that of the spec.
    return typing.get_type_hints(kind, localns={"Form": Form})


@cache
def _declared(contract: type) -> dict[str, tuple[Any, str]]:
    """Return the attributes of a contract with their forms, and the forms as they are written."""
    own = {
        name: (_hints(contract)[name], str(written))
        for name, written in contract.__annotations__.items()
        if not name.startswith("_")
    }
    properties = {
        name: _answer_of(value.fget) for name, value in vars(contract).items() if _is_property(value)
    }
    return own | properties


def _is_property(value: object) -> bool:
    return isinstance(value, property)


@cache
def _answer(contract: type, method: str) -> tuple[Any, str]:
    return _answer_of(getattr(contract, method))


def _answer_of(function: Any) -> tuple[Any, str]:
    return typing.get_type_hints(function)["return"], str(function.__annotations__["return"])


def _contracts_of(component: object) -> list[type]:
    return [contract for contract in map(contract_of, BUILT) if isinstance(component, contract)]


def _misfit(label: str, name: str, value: object, stated: str) -> ComponentError:
    return ComponentError(
        f"{label}: its {name} is {shown(value)}, stated {stated}",
        hint="set it in the class or its constructor",
    )


def _refuse_beyond(label: str, contract: type, name: str, value: Any) -> None:
    if (rule := _BEYOND_TYPES.get((contract, name))) is not None:
        holds, stated = rule
        if not holds(value):
            raise _misfit(label, name, value, stated)


def _is_choice(value: Any) -> bool:
    """Return whether a task's choice of a component is one: a name, or a mapping with a name."""
    return not isinstance(value, Mapping) or isinstance(value.get("name"), str)


_CHOICE = "a name, or a mapping with a `name`"
_BEYOND_TYPES: Mapping[tuple[type, str], tuple[Callable[[Any], bool], str]] = {
    (Task, "head"): (_is_choice, _CHOICE),
    (Task, "loss"): (_is_choice, _CHOICE),
    (Task, "metrics"): (lambda value: all(map(_is_choice, value or ())), f"for each {_CHOICE}"),
    (Task, "inputs"): (lambda value: all(spec.count > 0 for spec in value), "inputs with a count above 0"),
    (Metric, "bounds"): (lambda value: value[0] <= value[1], "the lowest value and the highest"),
    (Balancer, "parts"): (lambda value: value >= 1, "1 or more"),
    (Balancer, "on"): (lambda value: value in ("parameters", "features"), "'parameters' or 'features'"),
    (Balancer, "fixed_weights"): (
        lambda value: all(isfinite(weight) for weight in value.values()),
        "finite numbers by task",
    ),
    (Exporter, "file_name"): (
        lambda value: value not in ("", ".", "..") and Path(value).name == value,
        "the name of a file, without a folder",
    ),
    (Tracker, "patience"): (lambda value: 0 <= value <= 3600, "0 to 3600 seconds"),
}
"""What must hold beyond the type, and how that is said."""
