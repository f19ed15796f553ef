"""How a user says what a column is, for messages and hints."""

from __future__ import annotations

import shlex


def stated_at(name: str) -> tuple[str, ...]:
    """Return the keys at which a recipe says what a column is, for whoever knows where they were written."""
    return ("dataset", "columns", name)


def setting(name: str, value: str, key: str = "") -> str:
    """Return the flag that sets what a column is, or an option of it.

    >>> setting("colour", "class"), setting("is animal", "[ja]", "yes")
    ('--set dataset.columns.colour=class', "--set 'dataset.columns.is animal.yes=[ja]'")
    >>> setting("a.b", "class")
    "in a recipe: dataset: {columns: {'a.b': class}}"
    """
    if "." in name or "=" in name:
        inner = f"{{{key}: {value}}}" if key else value
        return f"in a recipe: dataset: {{columns: {{{name!r}: {inner}}}}}"
    path = f"dataset.columns.{name}.{key}" if key else f"dataset.columns.{name}"
    return f"--set {shlex.quote(f'{path}={value}')}"
