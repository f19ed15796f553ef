"""A search space: options of a recipe, and the values that each of them may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.errors import UsageError
from ..comparison.axes import split_values
from ..recipe.recipe_source import RecipeSource

Value = str | int | float
"""What a trial tries: a number of a range, or the text of a choice, read as YAML where it is set."""

SPACE = "--space"
"""How a space is said on a command line, where it is not said otherwise."""

_EXAMPLE = "write {flag} train.learning_rate=log:1e-4..1e-2 or {flag} encoder.width=32,64"
_LOG = "log:"


@dataclass(frozen=True)
class Only:
    """Which of the values of a choice, by its key, have an option that the others have not."""

    key: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """An option that takes one of several values, each as it is written after `--set KEY=`."""

    key: str
    texts: tuple[str, ...]
    flag: str = SPACE
    only: Only | None = None

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that stand for all of them: these are tried on the recipe before anything is trained."""
        return self.texts

    @property
    def written(self) -> str:
        """The values as they are written on the command line."""
        return ",".join(self.texts)


@dataclass(frozen=True)
class Range:
    """An option that takes a number from `low` to `high`: `whole` ones alone, or even in the logarithm."""

    key: str
    low: int | float
    high: int | float
    log: bool = False
    whole: bool = False
    flag: str = SPACE
    only: Only | None = None

    @property
    def ends(self) -> tuple[Value, ...]:
        """The smallest and the largest."""
        return (self.low, self.high)

    @property
    def written(self) -> str:
        """The values as they are written on the command line."""
        return f"{_LOG if self.log else ''}{self.low}..{self.high}"


Dimension = Choices | Range


def read_space(given: Sequence[str], flag: str = SPACE) -> tuple[Dimension, ...]:
    """Return the dimensions that `KEY=VALUES` texts declare, sections before what lies below them.

    `VALUES` are `A,B,...` to choose from, or a range `LOW..HIGH`, with `log:` before it even in logarithms.
    Whether a recipe has the option is asked elsewhere; messages name the `flag`. Raises `UsageError` for
    anything else.

    >>> read_space(["train.learning_rate=log:1e-4..1e-2"])[0]
    Range(key='train.learning_rate', low=0.0001, high=0.01, log=True, whole=False, flag='--space', only=None)
    >>> read_space(["encoder.hidden=[32],[64, 32]"])[0].texts
    ('[32]', '[64, 32]')
    """
    if not given:
        raise UsageError("there is no search space", hint=_EXAMPLE.format(flag=flag))
    found = [_dimension(text, flag) for text in given]
    keys = [item.key for item in found]
    for key in keys:
        if keys.count(key) > 1:
            raise UsageError(f"{flag} {key} is given twice", hint="give all its values at once")
    return tuple(sorted(found, key=lambda item: item.key.count(".")))


def put(source: RecipeSource, dimension: Dimension, value: Value) -> None:
    """Set an option of a recipe to a value of a dimension."""
    if isinstance(dimension, Choices):
        source.set(f"{dimension.key}={value}", dimension.flag)
    else:  # as a number, not by way of its text: not a digit may be lost
        path = dimension.key.replace("-", "_") if dimension.key.startswith("train.") else dimension.key
        source.put(path.split("."), value, f"{dimension.flag} {dimension.key}")


def relevant(space: Iterable[Dimension], values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of the options that there are, given the components that were chosen.

    >>> space = (Choices("e", ("mlp", "lenet")), Range("e.x", 1, 2, only=Only("e", ("mlp",))))
    >>> relevant(space, {"e": "lenet", "e.x": 1})
    {'e': 'lenet'}
    """
    found: dict[str, Value] = {}
    for item in space:
        if item.key in values and (item.only is None or found.get(item.only.key) in item.only.texts):
            found[item.key] = values[item.key]
    return found


def above(item: Dimension, space: Iterable[Dimension]) -> Choices | None:
    """Return the choice of the component that has an option, where that is searched too; the nearest one."""
    found = [one for one in space if isinstance(one, Choices) and item.key.startswith(f"{one.key}.")]
    return max(found, key=lambda one: len(one.key), default=None)


def combinations(space: Iterable[Dimension]) -> int | None:
    """Return how many combinations of values there are at most; None where that is no number.

    >>> combinations(read_space(["encoder.width=32,64", "train.optimizer=adam,sgd,muon"]))
    6
    """
    counts = [
        len(item.texts)
        if isinstance(item, Choices)
        else int(item.high - item.low) + 1
        if item.whole
        else None
        for item in space
    ]
    return None if None in counts else math.prod(count for count in counts if count is not None)


def _dimension(given: str, flag: str) -> Dimension:
    key, equals, text = (part.strip() for part in given.partition("="))
    if not equals or not all(key.split(".")) or not text:
        raise UsageError(f"{flag} {given!r} says no values of an option", hint=_EXAMPLE.format(flag=flag))
    if key == "seed":
        raise UsageError(
            f"{flag} seed: a search for a seed finds luck", hint="search for something else; --seed sets it"
        )
    if text.startswith(_LOG) or (
        ".." in text and "," not in text and _number(text.partition("..")[0]) is not None
    ):
        return _range(key, text, flag)
    texts = split_values(text, f"{flag} {key}")
    for value in texts:
        if texts.count(value) > 1:
            raise UsageError(f"{flag} {key} names {value!r} twice", hint="name each value once")
    if len(texts) < 2:
        raise UsageError(
            f"{flag} {key}={text}: one value leaves nothing to search",
            hint=f"name several, A,B, or a range, LOW..HIGH; --set {key}={text} sets one",
        )
    return Choices(key, texts, flag)


def _range(key: str, text: str, flag: str) -> Range:
    asked, log = f"{flag} {key}={text}", text.startswith(_LOG)
    low_text, dots, high_text = text.removeprefix(_LOG).partition("..")
    low, high = _number(low_text), _number(high_text)
    if not dots or low is None or high is None:
        ends = f" from {low_text!r} to {high_text!r}, and not both are numbers" if dots else ", and has no .."
        raise UsageError(
            f"{asked}: read as a range{ends}",
            hint="write two numbers, LOW..HIGH or log:LOW..HIGH; or values to choose from, A,B,...",
        )
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UsageError(f"{asked}: a range has an end", hint="write two finite numbers")
    if low >= high:
        raise UsageError(f"{asked}: {low} is not below {high}", hint="write the smaller number first")
    if log and low <= 0:
        raise UsageError(
            f"{asked}: {low} has no logarithm",
            hint=f"begin above 0, or leave log: out: {flag} {key}={low}..{high}",
        )
    return Range(key, low, high, log, flag=flag)


def _number(text: str) -> int | float | None:
    """Return the number that a text says, a whole one as such; None for other texts."""
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return None


def shown(value: Any) -> str:
    """Return a value as tables show it.

    >>> shown(0.00123456789), shown(32), shown("hard")
    ('0.001235', '32', 'hard')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)
