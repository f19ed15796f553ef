"""YAML text as plain values, each with the place it was written at. Texts are a stranger's: all is bounded.

The composed nodes are read rather than the values a YAML library makes of them: they know their places, what
aliases repeat is counted before it is copied, and no tag constructs anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ..base.errors import Problem, RecipeError

PathOfKeys = tuple[str | int, ...]

LARGEST = 1 << 17
"""Bytes of the largest recipe; the longest shipped one has 2,000."""

DEEPEST = 64
MOST_VALUES = 100_000
"""Levels and values of the largest recipe, aliases counted as often as they are used."""

_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str")}
_MERGE = f"{_TAG}merge"


def read_text(text: str, name: str) -> tuple[Any, dict[PathOfKeys, str]]:
    """Return the value of YAML text, and where each value in it was written: `name:line:column` by path.

    Raises `RecipeError`, with the place, for what is no YAML, no plain value, or beyond all bounds.
    """
    if len(text) > LARGEST:
        raise _refusal(f"more than {LARGEST:,} characters", name)
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _BoundedComposer
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        place = _mark(error.problem_mark or error.context_mark, name)
        raise _refusal(_words(error), place, _hint(error)) from None
    except ReaderError as error:
        before = text[: error.position].split("\n")
        place = f"{name}:{len(before)}:{len(before[-1]) + 1}"
        raise _refusal("not valid YAML: a character that it does not allow", place) from None
    except YAMLError as error:
        raise _refusal(f"not valid YAML: {_first_line(error)}", name) from None
    walk = _Walk(name, yaml.constructor)
    return (None if node is None else walk.value(node, ())), walk.origins


class _BoundedComposer(Composer):
    """Composes nodes up to a depth; whatever else goes wrong in the text is said with its place."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self.warn_double_anchors = False
        self._level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._level += 1
        if self._level > DEEPEST:
            raise ComposerError(None, None, _TOO_DEEP, self.parser.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def get_single_node(self) -> Any:
        try:
            return super().get_single_node()
        except YAMLError:
            raise
        except Exception as error:  # numbers of characters that there are not, and the like
            raise ComposerError(None, None, _first_line(error), self.loader.reader.get_mark()) from None


_TOO_DEEP = f"more than {DEEPEST} levels"


class _Walk:
    """Turns nodes into plain values, counting them, and remembers their places."""

    def __init__(self, name: str, constructor: Any) -> None:
        self.origins: dict[PathOfKeys, str] = {}
        self._name = name
        self._constructor = constructor
        self._count = 0

    def value(self, node: Node, path: PathOfKeys) -> Any:
        self._count_one(node, len(path))
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            for index, item in enumerate(node.value):
                self.origins[(*path, index)] = _mark(item.start_mark, self._name)
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        raise self._refusal(node, path, _not_plain(node))

    def _mapping(self, node: MappingNode, path: PathOfKeys) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node, merged in self._pairs(node, len(path)):
            key = self._key(key_node)
            place = _mark(key_node.start_mark, self._name)
            if key in found:
                if merged:
                    continue
                raise _refusal(
                    f"not valid YAML: found duplicate key {key!r}",
                    place,
                    f"each key may stand once in a section; it stands at {self.origins[(*path, key)]} too",
                )
            self.origins[(*path, key)] = place
            found[key] = self.value(value_node, (*path, key))
        return found

    def _pairs(self, node: MappingNode, depth: int) -> Iterator[tuple[Node, Node, bool]]:
        """Yield keys and values, the section's own ones first, then those it takes from others (`<<`)."""
        merges = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merges.append(value)
            else:
                yield key, value, False
        for merge in merges:
            for other in merge.value if isinstance(merge, SequenceNode) else [merge]:
                self._count_one(other, depth + 1)
                if not isinstance(other, MappingNode):
                    raise _refusal("not valid YAML: << takes a mapping", _mark(other.start_mark, self._name))
                for key, value, _ in self._pairs(other, depth + 1):
                    self._count_one(key, depth)
                    yield key, value, True

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise _refusal("a key must be a name", _mark(node.start_mark, self._name))
        return str(self._scalar(node, ()))

    def _scalar(self, node: ScalarNode, path: PathOfKeys) -> Any:
        if node.tag not in _SCALARS:
            raise self._refusal(node, path, _not_plain(node))
        try:
            value = self._constructor.construct_object(node)
        except Exception:  # a number in words, a truth value that is none, more digits than are read
            kind = _KINDS[node.tag.removeprefix(_TAG)]
            raise self._refusal(node, path, f"{_cut(node.value)} is not a usable {kind}") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refusal(node, path, f"{value} is not a usable number")
        return value

    def _count_one(self, node: Node, depth: int) -> None:
        self._count += 1
        if depth > DEEPEST:
            raise _refusal(f"{_TOO_DEEP}, or a section within itself", _mark(node.start_mark, self._name))
        if self._count > MOST_VALUES:
            place = _mark(node.start_mark, self._name)
            raise _refusal(f"more than {MOST_VALUES:,} values", place, "aliases repeat what they name")

    def _refusal(self, node: Node, path: PathOfKeys, message: str) -> RecipeError:
        """Return the refusal of a value, at its key or item."""
        return _refusal(message, self.origins.get(path) or _mark(node.start_mark, self._name))


_KINDS = {"null": "null", "bool": "truth value", "int": "whole number", "float": "number", "str": "text"}


def _not_plain(node: Node) -> str:
    tag = str(node.tag).removeprefix(_TAG)
    return f"a recipe holds text, numbers, lists and mappings, not {_cut(tag)}"


def _refusal(message: str, where: str, hint: str | None = None) -> RecipeError:
    return RecipeError([Problem(message, where, hint)])


def _mark(mark: Any, name: str) -> str:
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"


def _words(error: MarkedYAMLError) -> str:
    return f"not valid YAML: {_cut(str(error.problem or error.context or 'unreadable'))}"


def _hint(error: MarkedYAMLError) -> str | None:
    text = str(error.problem or "")
    if "tab" in text or "\\t" in text:
        return "indent with spaces, not tabs"
    return str(error.context) if error.context and error.problem else None


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
