"""The axes of a comparison: what is varied, and the values each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.errors import UsageError
from ..recipe.recipe_source import RecipeSource

COMPONENTS = ("sharing", "balancer", "encoder")
"""Axes with a flag of their own; every other one is a path of keys, as in `--set`."""

_OPENING, _CLOSING, _QUOTES = "[{(", "]})", "\"'"


@dataclass(frozen=True)
class Axis:
    """One axis: a component (`"sharing"`) or a path of keys (`"tasks.denoise.weight"`), and its values.

    A value is what stands in a recipe; with `written`, it is the text after `--set KEY=`, read as YAML.
    """

    key: str
    values: tuple[Any, ...]
    written: bool = False

    def __post_init__(self) -> None:
        shown = [self.shown(value) for value in self.values]
        if not shown:
            raise UsageError(f"axis {self.key!r} has no value", hint="name at least one")
        for value in shown:
            if shown.count(value) > 1:
                raise UsageError(f"{self.origin} names {value!r} twice", hint="name each value once")

    @property
    def origin(self) -> str:
        """How the axis is written on the command line."""
        return f"--{self.key}" if self.key in COMPONENTS else f"--set {self.key}"

    @property
    def title(self) -> str:
        """The axis in a few letters: `denoise.weight` of `tasks.denoise.weight`."""
        return self.key.removeprefix("tasks.").removeprefix("train.")

    def shown(self, value: Any) -> str:
        """Return a value as text."""
        if isinstance(value, Mapping) and "name" in value:
            options = ", ".join(f"{key}={item}" for key, item in value.items() if key != "name")
            return f"{value['name']}({options})" if options else str(value["name"])
        return str(value)

    def label(self, value: Any) -> str:
        """Return a value as part of a row's name: a component's name alone, else `key=value`."""
        return self.shown(value) if self.key in COMPONENTS else f"{self.title}={self.shown(value)}"

    def put(self, source: RecipeSource, value: Any) -> None:
        """Set a value of a path of keys; components are set through the request's flags."""
        if self.written:
            source.set(f"{self.key}={value}")
        else:
            source.put(self.key.split("."), value, f"axis {self.key}")


def component_axis(key: str, values: str | Mapping[str, Any] | Sequence[Any]) -> Axis:
    """Return the axis of a component from `"a,b"`, one `{"name": ..., options}`, or a list of either.

    >>> component_axis("balancer", "sum,{name: weighted, normalise: true}").values
    ('sum', {'name': 'weighted', 'normalise': True})
    """
    if isinstance(values, str):
        values = [_with_options(key, value) for value in split_values(values, f"--{key}")]
    elif isinstance(values, Mapping):
        values = (values,)
    return Axis(key, tuple(values))


def _with_options(key: str, text: str) -> Any:
    """Return a component as it is written: a name, or `{name: ..., option: ...}`."""
    if not text.startswith("{"):
        return text
    source = RecipeSource()
    source.set(f"{key}={text}")
    return source.tree[key]


def assigned_axes(assignments: Sequence[str]) -> tuple[tuple[str, ...], tuple[Axis, ...]]:
    """Part `KEY=VALUE` assignments into those with one value and the axes of those with several.

    A comma outside brackets and quotes parts values, so a list is written in brackets, as everywhere:
    `encoder.hidden=[64,32]` is one value, `encoder.hidden=[64,32],[128]` are two.

    >>> assigned_axes(["train.epochs=5", "tasks.a.weight=0.2,0.8"])[1][0].values
    ('0.2', '0.8')
    """
    single: list[str] = []
    axes: list[Axis] = []
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if key == "seed":
            raise UsageError(
                "--set seed: a comparison has its seeds from --seeds", hint="write --seeds 0,1,2"
            )
        values = split_values(text, f"--set {key}") if equals and text.strip() else ()
        if len(values) < 2:
            single.append(assignment)
            continue
        if key in COMPONENTS:
            raise UsageError(f"--set {key} names several", hint=f"write --{key} {','.join(values)}")
        if key in [axis.key for axis in axes]:
            raise UsageError(f"--set {key} is an axis twice", hint="give all its values at once")
        axes.append(Axis(key, values, written=True))
    return tuple(single), tuple(axes)


def split_values(text: str, origin: str) -> tuple[str, ...]:
    """Return the parts of a text between commas outside brackets and quotes.

    Raises `UsageError` when a part is empty.

    >>> split_values("[64, 32], [128]", "--set encoder.hidden")
    ('[64, 32]', '[128]')
    """
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if letter == "," and not depth and not quote:
            parts.append("")
            continue
        parts[-1] += letter
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        else:
            depth += (letter in _OPENING) - (letter in _CLOSING)
    parts = [part.strip() for part in parts]
    if not all(parts):
        raise UsageError(f"{origin} {text!r} has an empty value", hint="part values by one comma: a,b")
    return tuple(parts)
