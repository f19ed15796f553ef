"""Forms of answers as values of a recipe, so that the kit's own components can be told of any of them."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any

from ..contracts import Form
from ..discovery.options import plain

CLASS = "class"


def stated(form: Form) -> dict[str, Any]:
    """Return where a form's class is, and its fields."""
    place = f"{type(form).__module__}:{type(form).__qualname__}"
    fields = {key: value for key, value in form.to_json().items() if key != "form"}
    return {**plain(fields), CLASS: place}


def formed(value: Mapping[str, Any]) -> Form:
    """Return the form that was stated."""
    fields = {key: field for key, field in value.items() if key != CLASS}
    form: Form = resolve_name(value[CLASS]).from_json(fields)
    return form
