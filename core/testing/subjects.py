"""What is checked: a component or a plugin as a whole, with the bench it is tried on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..base.errors import Incompatible, UsageError, did_you_mean
from ..composition.encoders import encoder_maker, refusal_of
from ..discovery.plugin_loading import Provider
from ..discovery.registry import Entry, Registry
from ..recipe.building import Builder
from ..recipe.recipe_source import RecipeSource
from .bench import Bench

PLUGIN = "plugin"
"""The kind of a subject that is a plugin as a whole."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A component, or with `entry` None a plugin as a whole; `options` are not its defaults where given."""

    kind: str
    name: str
    provider: Provider
    bench: Bench
    entry: Entry | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def distribution(self) -> str:
        """The distribution that provides it."""
        return self.provider.distribution

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.kind} {self.name!r} of {self.provider.label}"

    @property
    def is_file(self) -> bool:
        """Whether it comes from a plugin file and not from a package."""
        return self.distribution.endswith(".py") and Path(self.distribution).is_file()

    @property
    def record(self) -> Entry:
        """The component with its plugin; for components only."""
        if self.entry is None:
            raise TypeError(f"{self.label} is no component")
        return self.entry

    @cached_property
    def component(self) -> Any:
        """The component's class."""
        return self.record.load()

    @property
    def choice(self) -> dict[str, Any]:
        """How a recipe names the component."""
        return {"name": self.record.qualified_name, **self.options}

    def build(self, *arguments: Any) -> Any:
        """Construct the component with the engine's arguments; it may raise `Incompatible`."""
        if self.kind == "encoder" and self.component.joins:
            maker = encoder_maker(Builder(self.bench, RecipeSource()), ("encoder",), starts=False)
            arguments = (*arguments, maker)
        return self.component(*arguments, **self._constructed)

    def accepts(self, *arguments: Any) -> str | None:
        """Return why the component cannot work there, by `accepts` or by its constructor."""
        asked = partial(refusal_of, self.component) if self.kind == "encoder" else self.component.accepts
        reason: str | None = asked(*arguments)
        if reason is not None or not self.options:
            return reason
        try:
            self.build(*arguments)
        except Incompatible as refusal:
            return str(refusal)
        return None

    @cached_property
    def _constructed(self) -> dict[str, Any]:
        from ..discovery.options import options_model, validate_options

        complete, problems = validate_options(options_model(self.component), self.options)
        if problems:
            raise UsageError(f"{self.label}: {problems[0].message}", hint=problems[0].hint)
        return complete


def subjects(
    registry: Registry,
    names: Iterable[str],
    *,
    kind: str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Subject]:
    """Return the plugins and components that `names` mean, in the order of discovery.

    A name is a distribution, a plugin, a module, or a component (`tiny`, `encoder tiny`, `dist/tiny`).
    Raises `UsageError` for a name that means nothing, with the nearest ones.
    """
    bench = Bench(registry)
    everything = [
        *(Subject(PLUGIN, provider.name, provider, bench) for provider in registry.providers),
        *(
            Subject(
                entry.component.kind,
                entry.component.name,
                entry.provider,
                bench,
                entry,
                (options or {}).get(entry.component.name, {}),
            )
            for entry in registry.entries()
        ),
    ]
    chosen: set[int] = set()
    for name in names:
        meant = {index for index, subject in enumerate(everything) if _means(name, subject)}
        if not meant:
            known = [subject.distribution for subject in everything] + [
                subject.name for subject in everything
            ]
            distributions = ", ".join(sorted({subject.distribution for subject in everything}))
            raise UsageError(
                f"no plugin or component {name!r}",
                hint=did_you_mean(name, dict.fromkeys(known)) or f"distributions: {distributions}",
            )
        chosen |= meant
    return [
        subject
        for index, subject in enumerate(everything)
        if index in chosen and (kind is None or subject.kind == kind)
    ]


def _means(name: str, subject: Subject) -> bool:
    names: Sequence[str] = (subject.distribution, subject.name, f"{subject.kind} {subject.name}")
    if _plain(name) == _plain(subject.distribution) or name in names:
        return True
    if subject.entry is None:
        return False
    target = subject.entry.component.target
    return name == subject.entry.qualified_name or target.startswith((f"{name}:", f"{name}."))


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
