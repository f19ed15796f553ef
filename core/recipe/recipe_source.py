"""Where a recipe's values come from: a YAML file with positions, flags, and `--set`, later ones winning.

Every value remembers where it was written, so that a message can say `recipe.yaml:3:5` or
`--set train.epochs=x`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from ..base.errors import Problem, RecipeError, UsageError
from ..base.files import read_bytes
from ..discovery.options import plain
from .recipe_text import LARGEST, PathOfKeys, read_text

if TYPE_CHECKING:
    from .data_questions import AskedData


@dataclass
class RecipeSource:
    """The merged values of a recipe, `tree`, and where each was written, `origins` by path of keys.

    `asked` is the data set that was asked what the recipe leaves open, until the recipe is composed.
    """

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[PathOfKeys, str] = field(default_factory=dict)
    asked: AskedData | None = field(default=None, compare=False, repr=False)

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

    def set(self, assignment: str, flag: str = "--set") -> None:
        """Apply one `--set section.key=value`; the value is read as YAML. Messages name the `flag`.

        >>> source = RecipeSource()
        >>> source.set("train.epochs=5")
        >>> source.tree
        {'train': {'epochs': 5}}
        """
        key, equals, text = assignment.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise UsageError(
                f"{flag} {assignment!r} is not an assignment", hint=f"write {flag} train.epochs=5"
            )
        value = read_text(text, f"{flag} {key}")[0] if text.strip() else ""
        self.put(
            [part.replace("-", "_") if path[0] == "train" else part for part in path], value, f"{flag} {key}"
        )

    def _forget(self, path: PathOfKeys) -> None:
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]


def read_recipe(path: Path) -> RecipeSource:
    """Return the values of a YAML recipe file with their positions.

    Raises `UsageError` when the file cannot be read and `RecipeError` when it is not valid YAML.
    """
    content = read_bytes(path, "a recipe", hint="name a YAML file, or a run folder", most=LARGEST)
    return parse_recipe_text(_decoded(content, str(path)), str(path))


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(errors="replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"it is not UTF-8 text (byte {error.start})"
        raise RecipeError([Problem(message, f"{name}:{line}:{column}", "save it as UTF-8")]) from None


def parse_recipe_text(text: str, name: str) -> RecipeSource:
    """Return the values of YAML text with positions `name:line:column`; raise `RecipeError` when invalid."""
    tree, origins = read_text(text, name)
    if not isinstance(tree, dict):
        held = "holds a list" if isinstance(tree, list) else "holds a single value"
        found = "is empty" if tree is None else held
        raise RecipeError(
            [Problem(f"a recipe is a mapping; this file {found}", name, "start with `tasks: [...]`")]
        )
    return RecipeSource(tree, origins)


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
