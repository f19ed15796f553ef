"""Sections of a recipe: each is declared once, as a field of what keeps it, and everything else follows.

The reader's checks and messages, the plain form and the JSON Schema read the fields' annotations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache, cached_property
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

_STRICT = ConfigDict(strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Chooses:
    """Of an annotation: the section names components of this kind."""

    kind: str


@dataclass(frozen=True)
class Means:
    """Of an annotation: what messages say that the value must be."""

    text: str
    hint: str | None = None


@dataclass(frozen=True)
class Section:
    """One section of a recipe or of a task in it."""

    name: str
    annotation: Any
    default: Any

    @property
    def kind(self) -> str | None:
        """The kind of the components that it names; None for a plain value."""
        return next((item.kind for item in self._notes if isinstance(item, Chooses)), None)

    @property
    def many(self) -> bool:
        """Whether it names a list of components."""
        bare = get_args(self.annotation)[0] if self._notes else self.annotation
        return any(get_origin(item) is tuple for item in (bare, *get_args(bare)))

    @property
    def means(self) -> Means:
        """What a plain value must be, in words."""
        bare = get_args(self.annotation)[0] if self._notes else self.annotation
        if get_origin(bare) is Literal:
            return Means("one of " + ", ".join(get_args(bare)))
        return next((item for item in self._notes if isinstance(item, Means)), Means("another value"))

    def value_of(self, given: Any) -> Any:
        """Return a plain value as it is kept; raise `ValueError` for one that is none of the section."""
        try:
            # JSON mode is strict about types and still lets a list stand for a tuple, as YAML needs.
            return self._adapter.validate_json(json.dumps(given, default=str))
        except ValidationError as error:
            raise ValueError(self.means.text) from error

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a plain value, its default included."""
        schema = self._adapter.json_schema()
        return schema if self.default is None else {**schema, "default": self.default}

    @property
    def _notes(self) -> tuple[Any, ...]:
        return get_args(self.annotation)[1:] if get_origin(self.annotation) is Annotated else ()

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation, config=_STRICT)


@cache
def sections_of(declared: type) -> Mapping[str, Section]:
    """Return the sections that a data class declares, by name, in its order."""
    hints = get_type_hints(declared, include_extras=True)
    return {
        item.name: Section(item.name, hints[item.name], None if item.default is MISSING else item.default)
        for item in fields(declared)
    }
