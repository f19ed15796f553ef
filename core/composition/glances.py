"""Quick looks at the data of many compositions, before any of them is trained."""

from __future__ import annotations

from dataclasses import dataclass, field

from .composition import Composition


@dataclass
class Glances:
    """Looks at some files of each data set once, however many compositions have it."""

    _said: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def at(self, composition: Composition) -> None:
        """Look at the data of a composition; raise what `Composition.glance` does."""
        key = repr(composition.recipe.dataset)
        if key not in self._said:
            self._said[key] = tuple(map(str, composition.glance()))

    @property
    def lines(self) -> tuple[str, ...]:
        """What was looked at, line by line; what is true of several data sets is said once."""
        return tuple(dict.fromkeys(line for said in self._said.values() for line in said))
