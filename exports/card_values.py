"""Reading a card's values with distrust: every one has its type, its bounds, and the form that was written.

A file may come from anywhere. Whatever is wrong is a `ValueError` of one line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Never

from ..core.specs import Binary, Categorical, Image, ImageSpec, InputSpec, Regression, TargetSpec

MOST_NUMBERS = 2**26
"""Numbers of one image or answer, at most: a float32 image of 8,192 x 8,192 pixels."""

MOST_PARTS = 1000
"""Inputs or outputs of a model, at most."""

_LARGEST = 2**63 - 1


def read_json(text: str) -> Any:
    """Return what a text of JSON says; NaN, infinities and halves of characters are refused."""
    value = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def read_image(item: Mapping[str, Any]) -> ImageSpec:
    """Return the form of the input image."""
    return ImageSpec(*_sizes(item["shape"][1:], "the image"))


def read_input(item: Mapping[str, Any]) -> InputSpec:
    """Return an extra input."""
    name, (_, last) = _text(item["name"], "an input's name"), item["range"]
    count = _whole(last, f"the range of input {name!r}", 0) + 1
    return InputSpec(name, count, _text(item["description"], f"the description of {name!r}", empty=True))


def read_target(value: Mapping[str, Any]) -> TargetSpec:
    """Return the form of an answer."""
    rest = dict(value)
    form = rest.pop("form")
    wanted = {
        "categorical": {"classes"},
        "binary": {"positive", "negative"},
        "regression": {"names", "units"},
        "image": {"channels", "height", "width", "link"},
    }
    if form not in wanted:
        raise ValueError(f"unknown form {form!r}")
    if set(rest) != wanted[form]:
        raise ValueError(f"the form {form!r} has the fields {', '.join(sorted(map(str, rest)))}")
    if form == "categorical":
        return Categorical(_texts(rest["classes"], "the classes"))
    if form == "binary":
        return Binary(_text(rest["positive"], "an answer"), _text(rest["negative"], "an answer"))
    if form == "regression":
        return Regression(_texts(rest["names"], "the names"), _text(rest["units"], "the units", empty=True))
    if rest["link"] not in ("identity", "logit"):
        raise ValueError(f"unknown link {rest['link']!r}")
    sizes = _sizes([rest["channels"], rest["height"], rest["width"]], "a picture")
    return Image(*sizes, link=rest["link"])


def read_name(value: Any) -> str:
    """Return the name of an input or a task."""
    return _text(value, "a name")


def read_flag(value: Any) -> bool:
    """Return a yes or no."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def as_promised(found: Mapping[str, Any], promised: Mapping[str, Any]) -> None:
    """Raise unless what is written about an input or output follows from the rest; its wording is free."""
    name = promised["name"]
    for key in promised.keys() | found.keys():
        if key not in found or key not in promised:
            raise ValueError(f"{name!r} has {'no' if key in promised else 'an unknown'} field {key!r}")
        # Written out, as 1, 1.0 and true are equal in Python.
        if key != "description" and json.dumps(found[key]) != json.dumps(promised[key]):
            raise ValueError(f"the {key} of {name!r} is {found[key]!r}, not {promised[key]!r}")
    _text(found["description"], f"the description of {name!r}", empty=True)


def _not_finite(text: str) -> Never:
    raise ValueError(f"{text} is no finite number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _not_finite(text)


def _text(value: Any, what: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise ValueError(f"{what} is {value!r:.40}, no text")
    return value


def _texts(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_NUMBERS:
        raise ValueError(f"{what} are {value!r:.40}, no list of names")
    return tuple(_text(item, what, empty=True) for item in value)


def _sizes(values: Sequence[Any], what: str) -> tuple[int, int, int]:
    channels, height, width = (_whole(value, f"the size of {what}", 1) for value in values)
    if channels * height * width > MOST_NUMBERS:
        shape = f"{channels} x {height} x {width}"
        raise ValueError(f"{what} of {shape} numbers is too large; at most {MOST_NUMBERS:,} are read")
    return channels, height, width


def _whole(value: Any, what: str, least: int) -> int:
    if type(value) is not int or not least <= value < _LARGEST:
        raise ValueError(f"{what} is {value!r:.40}, no whole number from {least}")
    return value
