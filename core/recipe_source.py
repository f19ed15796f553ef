"""Where a recipe's values come from: a YAML file with positions, flags, and `--set`, later ones winning.

Every value remembers where it was written, so that a message can say `recipe.yaml:3:5` or
`--set train.epochs=x`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.representer import RoundTripRepresenter

from .errors import Problem, RecipeError, UsageError
from .options import plain

PathOfKeys = tuple[str | int, ...]


@dataclass
class RecipeSource:
    """The merged values of a recipe, `tree`, and where each was written, `origins` by path of keys."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[PathOfKeys, str] = field(default_factory=dict)

    def where(self, path: PathOfKeys) -> str | None:
        """Return where the value at `path` was written, else the nearest one around it or below it."""
        for length in range(len(path), 0, -1):
            if (origin := self.origins.get(path[:length])) is not None:
                return origin
        below = (origin for known, origin in self.origins.items() if known[: len(path)] == path)
        return next(below, None)

    def put(self, path: Sequence[str], value: Any, origin: str) -> None:
        """Set the value at a path of keys, making the sections on the way.

        A component written by name alone becomes `{"name": ...}` when an option is set below it.
        """
        here = self.tree
        for depth, key in enumerate(path[:-1]):
            below = here.get(key)
            if isinstance(below, str):
                below = {"task" if tuple(path[:depth]) == ("tasks",) else "name": below}
            elif isinstance(below, list) and key == "tasks":
                below = tasks_by_name(below)
            elif below is None:
                below = {}
            elif not isinstance(below, dict):
                below_this = ".".join(path[: depth + 1])
                raise UsageError(
                    f"{origin}: {below_this} holds {below!r}, nothing can be set below it",
                    hint=f"give {below_this} as a whole",
                )
            here[key] = below
            here = below
        self._forget(tuple(path))
        here[path[-1]] = value
        self.origins[tuple(path)] = origin

    def set(self, assignment: str) -> None:
        """Apply one `--set section.key=value`; the value is read as YAML.

        >>> source = RecipeSource()
        >>> source.set("train.epochs=5")
        >>> source.tree
        {'train': {'epochs': 5}}
        """
        key, equals, text = assignment.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise UsageError(f"--set {assignment!r} is not an assignment", hint="write --set train.epochs=5")
        try:
            value = _plain_yaml(YAML(typ="rt", pure=True).load(text)) if text.strip() else ""
        except (YAMLError, ValueError) as error:
            raise UsageError(
                f"--set {assignment!r}: the value is not valid YAML", hint=_first_line(error)
            ) from None
        self.put(
            [part.replace("-", "_") if path[0] == "train" else part for part in path], value, f"--set {key}"
        )

    def _forget(self, path: PathOfKeys) -> None:
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]


def read_recipe(path: Path) -> RecipeSource:
    """Return the values of a YAML recipe file with their positions.

    Raises `UsageError` when the file cannot be read and `RecipeError` when it is not valid YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read recipe {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read recipe {path}: it is not UTF-8 text (byte {error.start})") from None
    return parse_recipe_text(text, str(path))


def parse_recipe_text(text: str, name: str) -> RecipeSource:
    """Return the values of YAML text with positions `name:line:column`; raise `RecipeError` when invalid."""
    try:
        document = YAML(typ="rt", pure=True).load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark is not None else name
        raise RecipeError(
            [
                Problem(
                    f"not valid YAML: {error.problem or error.context or 'unreadable'}",
                    where,
                    _yaml_hint(error),
                )
            ]
        ) from None
    except YAMLError as error:
        raise RecipeError([Problem(f"not valid YAML: {_first_line(error)}", name)]) from None
    if not isinstance(document, CommentedMap):
        held = "a list" if isinstance(document, CommentedSeq) else "a single value"
        found = "is empty" if document is None else f"holds {held}"
        raise RecipeError(
            [Problem(f"a recipe is a mapping; this file {found}", name, "start with `tasks: [...]`")]
        )
    source = RecipeSource()
    source.tree = _walk(document, (), name, source.origins)
    return source


def write_yaml(value: Mapping[str, Any]) -> str:
    """Return plain values as YAML text in the given order."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.width = 110
    # Left to itself the writer keeps control characters as they are, and a reader folds them away.
    yaml.allow_unicode = False
    stream = StringIO()
    yaml.dump(plain(value), stream)
    return stream.getvalue()


class _Representer(RoundTripRepresenter):
    """Writes `null` for None, where ruamel would leave a gap that looks like a mistake."""


_Representer.add_representer(
    type(None), lambda writer, _: writer.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _walk(node: Any, path: PathOfKeys, name: str, origins: dict[PathOfKeys, str]) -> Any:
    if isinstance(node, CommentedMap):
        found = {}
        for key, value in node.items():
            # A key that came in through a merge (`<<`) has no place of its own.
            line, column = node.lc.key(key) if key in (node.lc.data or {}) else (node.lc.line, node.lc.col)
            below = (*path, str(key))
            origins[below] = f"{name}:{line + 1}:{column + 1}"
            found[str(key)] = _walk(value, below, name, origins)
        return found
    if isinstance(node, CommentedSeq):
        items = []
        for index, value in enumerate(node):
            line, column = node.lc.item(index)
            origins[(*path, index)] = f"{name}:{line + 1}:{column + 1}"
            items.append(_walk(value, (*path, index), name, origins))
        return items
    try:
        return _plain_yaml(node)
    except ValueError as error:
        raise RecipeError([Problem(str(error), origins.get(path, name))]) from None


def _plain_yaml(node: Any) -> Any:
    """Return the value without ruamel's position-carrying types."""
    if isinstance(node, CommentedMap):
        return {str(key): _plain_yaml(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain_yaml(item) for item in node]
    if node is None or isinstance(node, bool):
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            value = kind(node)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{value} is not a usable number")
            return value
    raise ValueError(f"a recipe holds text, numbers, lists and mappings, not {type(node).__name__}")


def tasks_by_name(items: list[Any]) -> dict[str, Any]:
    """Return a list of tasks as a mapping, so that a value can be set below one of them."""
    named: dict[str, Any] = {}
    for item in items:
        name, body = (
            next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (str(item), None)
        )
        if name in named:
            raise UsageError(f"task name {name!r} is given twice", hint="name one of them differently")
        named[name] = body
    return named


def _yaml_hint(error: MarkedYAMLError) -> str | None:
    text = str(error.problem or "")
    if "duplicate key" in text:
        return "each key may stand once in a section"
    if "tab" in text or "\\t" in text:
        return "indent with spaces, not tabs"
    return str(error.context) if error.context and error.problem else None


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
