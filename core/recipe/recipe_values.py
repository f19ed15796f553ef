"""Values of a recipe from wherever they came, a file, a flag or Python: copied as plain ones, all bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from ..base.errors import Problem, RecipeError
from .recipe_text import DEEPEST, MOST_VALUES, PathOfKeys

_LARGEST_NUMBER = (1 << 63) - 1


def usable_values(value: Any, where: Callable[[PathOfKeys], str | None]) -> Any:
    """Return a plain copy of a recipe's values; `where` says where one was written.

    Raises `RecipeError` for the first that is no text, number, list or mapping, or that nothing could be made
    with: a number that is not finite or takes more than 64 bits, text that is no Unicode, too many values.

    >>> usable_values({"hidden": (8, 4)}, lambda path: None)
    {'hidden': [8, 4]}
    """
    count = 0

    def copy(item: Any, path: PathOfKeys) -> Any:
        nonlocal count
        count += 1
        if count > MOST_VALUES:
            raise refusal(path, f"more than {MOST_VALUES:,} values")
        if len(path) > DEEPEST:
            raise refusal(path, f"more than {DEEPEST} levels, or a section within itself")
        item = _unwrapped(item)
        if isinstance(item, Mapping):
            return {str(key): copy(below, (*path, str(key))) for key, below in item.items()}
        if isinstance(item, list | tuple | set | frozenset):
            return [copy(below, (*path, index)) for index, below in enumerate(item)]
        if (fault := _fault(item)) is not None:
            raise refusal(path, fault)
        return item

    def refusal(path: PathOfKeys, message: str) -> RecipeError:
        return RecipeError([Problem(message, where(path) or ".".join(str(key) for key in path[:8]) or None)])

    return copy(value, ())


def usable_from(origin: str, value: Any) -> Any:
    """Return a plain copy of values that stood in no file; messages name `origin` and the keys below it."""
    return usable_values(value, lambda path: origin + "".join(f"[{key!r}]" for key in path[:8]))


def _unwrapped(item: Any) -> Any:
    """Return numbers of NumPy or torch, one or many, as Python's, and a path as text."""
    as_list = getattr(item, "tolist", None)
    if callable(as_list):
        return as_list()
    return str(item) if isinstance(item, PurePath) else item


def _fault(item: Any) -> str | None:
    """Return why nothing can be made with a value, None when something can."""
    if item is None or isinstance(item, bool):
        return None
    if isinstance(item, int):
        return None if abs(item) <= _LARGEST_NUMBER else "a whole number of more than 64 bits is not usable"
    if isinstance(item, float):
        return None if math.isfinite(item) else f"{item} is not a usable number"
    if isinstance(item, str):
        if "\0" in item:
            return "text with a null character is not usable"
        return None if _is_unicode(item) else "text that is no Unicode (a lone surrogate) is not usable"
    return f"a recipe holds text, numbers, lists and mappings, not {type(item).__name__}"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
