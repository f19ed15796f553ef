"""Reading a card's values with distrust: every one has its type, its bounds, and the form that was written.

A file may come from anywhere. Whatever is wrong is a `ValueError` of one line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Never

from ..core.contracts import Form
from ..core.contracts.inputs import InputSpec, ModelInput, VectorSpec
from ..core.contracts.preparation import Preparation
from ..core.contracts.specs import ImageSpec
from ..core.contracts.stated import read_flag as read_flag
from ..core.contracts.stated import read_text, read_texts, read_value, read_whole
from ..core.discovery.answer_forms import Forms, read_form

MOST_NUMBERS = 2**26
"""Numbers of one image or answer, at most: a float32 image of 8,192 x 8,192 pixels."""

MOST_PARTS = 1000
"""Inputs or outputs of a model, at most."""


def read_json(text: str) -> Any:
    """Return what a text of JSON says; NaN, infinities and halves of characters are refused."""
    value = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def read_image(item: Mapping[str, Any]) -> ImageSpec:
    """Return the form of the input image."""
    return ImageSpec(*_sizes(item["shape"][1:], "the image"))


def check_preparation(metadata: Mapping[str, Any], image: ImageSpec, numbers: Sequence[int]) -> None:
    """Raise unless the preparation that a card states is one of its image, and agrees with the rest.

    `numbers` is the range of the image input; mean and deviation stand twice where `normalization` does.
    """
    stated = metadata["preparation"]
    if not image:
        raise ValueError("it says how pictures are prepared, and reads none")
    Preparation.from_json(stated, image)
    if json.dumps(stated.get("range")) != json.dumps(list(numbers)):
        raise ValueError(f"the range of the preparation is {stated.get('range')!r:.40}, not {list(numbers)}")
    for name in ("mean", "std"):
        values = stated.get(name)
        if not isinstance(values, list) or len(values) != image.channels:
            raise ValueError(f"the {name} of the preparation is {values!r:.40}, not one number per channel")
        for value in values:
            read_value(value, float, f"a {name} of the preparation")
        if name == "std" and min(values) <= 0:
            raise ValueError("a std of the preparation is not above 0")
        elsewhere = metadata.get("normalization", {}).get(name, values)
        if elsewhere != values:
            raise ValueError(f"the {name} of the preparation is not that of the normalization")


def read_input(item: Mapping[str, Any]) -> ModelInput:
    """Return an input beside the image: a whole number, or a vector."""
    if "numbers" in item:
        return _vector(item)
    name, (_, last) = read_text(item["name"], "an input's name"), item["range"]
    count = read_whole(last, f"the range of input {name!r}", 0) + 1
    return InputSpec(name, count, read_text(item["description"], f"the description of {name!r}", empty=True))


def _vector(item: Mapping[str, Any]) -> VectorSpec:
    name = read_text(item["name"], "an input's name")
    numbers, categories = item["numbers"], item["categories"]
    if not isinstance(numbers, list) or not isinstance(categories, dict):
        raise ValueError(f"the columns of the vector {name!r} are no lists of names")
    return VectorSpec(
        name,
        tuple(read_text(column, f"a column of {name!r}") for column in numbers),
        {
            read_text(column, f"a column of {name!r}"): read_texts(names, f"the names of {column!r}")
            for column, names in categories.items()
        },
        read_text(item["description"], f"the description of {name!r}", empty=True),
    )


def read_target(value: Mapping[str, Any], forms: Forms, plugins: Mapping[str, str]) -> Form:
    """Return the form of an answer; `plugins` names those of forms that are not built in."""
    form = read_form(value, forms, plugins)
    if prod(form.output_shape) > MOST_NUMBERS:
        shape = " x ".join(map(str, form.output_shape))
        raise ValueError(f"an answer of {shape} numbers is too large; at most {MOST_NUMBERS:,} are read")
    return form


def read_name(value: Any) -> str:
    """Return the name of an input or a task."""
    return read_text(value, "a name")


def as_promised(found: Mapping[str, Any], promised: Mapping[str, Any]) -> None:
    """Raise unless what is written about an input or output follows from the rest; its wording is free."""
    name = promised["name"]
    for key in promised.keys() | found.keys():
        if key not in found or key not in promised:
            raise ValueError(f"{name!r} has {'no' if key in promised else 'an unknown'} field {key!r}")
        # Written out, as 1, 1.0 and true are equal in Python.
        if key != "description" and json.dumps(found[key]) != json.dumps(promised[key]):
            raise ValueError(f"the {key} of {name!r} is {found[key]!r}, not {promised[key]!r}")
    read_text(found["description"], f"the description of {name!r}", empty=True)


def _not_finite(text: str) -> Never:
    raise ValueError(f"{text} is no finite number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _not_finite(text)


def _sizes(values: Sequence[Any], what: str) -> tuple[int, int, int]:
    channels, height, width = (read_whole(value, f"the size of {what}", 1) for value in values)
    if channels * height * width > MOST_NUMBERS:
        shape = f"{channels} x {height} x {width}"
        raise ValueError(f"{what} of {shape} numbers is too large; at most {MOST_NUMBERS:,} are read")
    return channels, height, width
