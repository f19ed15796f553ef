"""The recipes that plugins ship as package data."""

from __future__ import annotations

from importlib import resources

from .errors import ComponentError
from .registry import Registry


def recipe_text(registry: Registry, name: str) -> str:
    """Return a shipped recipe as its author wrote it, comments included.

    Raises `UsageError` when there is none of this name, `ComponentError` when its file cannot be read.
    """
    target = registry.find("recipe", name).component.target
    package, _, file = target.partition(":")
    try:
        return resources.files(package).joinpath(file).read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError) as error:
        raise ComponentError(f"recipe {name!r} cannot be read from {target!r}: {error}") from None
