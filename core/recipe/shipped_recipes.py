"""The recipes that plugins ship as package data."""

from __future__ import annotations

from importlib import resources

from ..base.errors import ComponentError
from ..base.files import reading
from ..discovery.registry import Registry


def recipe_text(registry: Registry, name: str) -> str:
    """Return a shipped recipe as its author wrote it, comments included.

    Raises `UsageError` when there is none of this name, `ComponentError` when its file cannot be read.
    """
    target = registry.find("recipe", name).component.target
    package, _, file = target.partition(":")
    with reading(f"recipe {name!r}, {target}", "a recipe", hint="its plugin is broken", error=ComponentError):
        return resources.files(package).joinpath(file).read_text(encoding="utf-8")
