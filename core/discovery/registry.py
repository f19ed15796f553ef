"""Knows every component by kind and name, who provides it, and what is broken."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pluggy

from ..base.errors import ComponentError, UsageError, described, did_you_mean
from ..contracts import contract_of
from ..contracts.hookspecs import COMPONENTS, REPLACED
from ..contracts.records import KINDS, Component
from .home import REINSTALL
from .import_marks import remedy, told_when_slow
from .plugin_loading import HOME, Provider, as_broken, broken_line, load_plugins, refuse_broken_home

MOST = 10_000
"""So many components of a kind a plugin may have; a hook that never ends must not fill the memory."""


@dataclass(frozen=True)
class Entry:
    """A component with the plugin that provides it."""

    component: Component
    provider: Provider

    @property
    def qualified_name(self) -> str:
        """`distribution/name`, which always names this component alone."""
        return f"{self.provider.distribution}/{self.component.name}"

    @property
    def label(self) -> str:
        """Kind, name and distribution, as messages call it."""
        return f"{self.component.kind} {self.component.name!r} of {self.provider.label}"

    def load(self) -> Any:
        """Import and return the component's class; raise `ComponentError` when that fails."""
        module, _, attribute = self.component.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            plain = isinstance(error, AttributeError | ImportError)
            raise self._unusable(str(error) if plain else described(error)) from error
        if not isinstance(found, type):
            raise self._unusable(f"it is no class but of type {type(found).__name__}")
        return found

    def _unusable(self, reason: str) -> ComponentError:
        distribution = self.provider.distribution
        mend = f"mend or uninstall {distribution}; see: mtl plugins"
        return ComponentError(
            f"{self.label} cannot be loaded from {self.component.target!r}: {reason}",
            hint=REINSTALL if distribution == HOME else mend,
        )


def component_class(entry: Entry) -> type[Any]:
    """Return a component's class; raise `ComponentError` when it does not follow the contract of its kind."""
    component: type[Any] = entry.load()
    contract = contract_of(entry.component.kind)
    if not issubclass(component, contract):
        raise ComponentError(
            f"{entry.label} is no {contract.__module__}:{contract.__name__}: {entry.component.target!r} "
            "does not derive from it",
            hint=f"mend or uninstall {entry.provider.distribution}",
        )
    return component


class Registry:
    """The components of all plugins.

    A name claimed by two distributions is ambiguous: the bare name is refused, `distribution/name` works.
    """

    def __init__(self, manager: pluggy.PluginManager, providers: Iterable[Provider]) -> None:
        self.manager = manager
        self._providers = {f"{item.distribution}/{item.name}": item for item in providers}
        self._entries: tuple[Entry, ...] | None = None

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Every plugin found, broken ones included."""
        self.entries()
        return tuple(self._providers.values())

    def unavailable(self) -> tuple[Provider, ...]:
        """The plugins whose components are missing: broken, incompatible or switched off."""
        return tuple(provider for provider in self.providers if provider.unavailable)

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Return all components, or those of one kind, in the order of discovery."""
        if self._entries is None:
            self._entries = self._collect()
        return tuple(entry for entry in self._entries if kind is None or entry.component.kind == kind)

    def names(self, kind: str) -> list[str]:
        """Return the names that work for a kind, sorted: bare where unique, qualified where not."""
        entries = self.entries(kind)
        bare = [entry.component.name for entry in entries]
        return sorted(
            entry.component.name if bare.count(entry.component.name) == 1 else entry.qualified_name
            for entry in entries
        )

    def find(self, kind: str, name: str) -> Entry:
        """Return the component of that kind and name.

        Raises `UsageError` when it is unknown (with the nearest names) or ambiguous (with all claimants).
        """
        if kind not in KINDS:
            raise UsageError(
                f"unknown kind {kind!r}", hint=did_you_mean(kind, KINDS) or f"kinds: {', '.join(KINDS)}"
            )
        matches = [
            entry for entry in self.entries(kind) if name in (entry.component.name, entry.qualified_name)
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            claims = " and ".join(entry.provider.label for entry in matches)
            qualified = " or ".join(entry.qualified_name for entry in matches)
            raise UsageError(f"{kind} {name!r} is claimed by {claims}", hint=f"write {qualified}")
        raise UsageError(f"unknown {kind} {name!r}", hint=self._unknown_hint(kind, name))

    def notify(self, hook_name: str, **arguments: Any) -> list[str]:
        """Call a hook of every plugin, each on its own; return a line for each that failed.

        Each gets its own copy of dictionaries and lists: what it does to them is seen by nobody else.
        """
        plugins = {name: plugin for name, plugin in self.manager.list_name_plugin() if plugin is not None}
        failures = []
        for name, plugin in plugins.items():
            others = [other for other in plugins.values() if other is not plugin]
            given = {
                key: deepcopy(value) if isinstance(value, dict | list) else value
                for key, value in arguments.items()
            }
            try:
                self.manager.subset_hook_caller(hook_name, remove_plugins=others)(**given)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failures.append(f"plugin {name!r} failed in {hook_name}: {described(error)}")
        return failures

    def plugin_of(self, error: BaseException) -> Provider | None:
        """Return the plugin of a third party whose code raised an error, or None when it was nobody's."""
        packages = {
            _package(str(getattr(self.manager.get_plugin(key), "__name__", ""))): provider
            for key, provider in self._providers.items()
            if provider.distribution != HOME
        }
        places = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
        return next(
            (packages[_package(str(name))] for name in reversed(places) if _package(str(name)) in packages),
            None,
        )

    def defaults(self, kind: str, situation: str) -> list[str]:
        """Return the names of the components that serve a situation when the recipe is silent."""
        names = self.names(kind)
        return [
            entry.component.name if entry.component.name in names else entry.qualified_name
            for entry in self.entries(kind)
            if situation in entry.component.default_for and entry.provider.distribution == HOME
        ]

    def meant(self, kind: str, name: str, distribution: str) -> str:
        """Return the name of what a distribution means by a bare name: its own component, or a built-in."""
        found = [entry for entry in self.entries(kind) if entry.component.name == name]
        for wanted in (distribution, HOME):
            for entry in found:
                if entry.provider.distribution == wanted:
                    return name if len(found) == 1 else entry.qualified_name
        return name

    def _unknown_hint(self, kind: str, name: str) -> str:
        names = self.names(kind)
        hint = did_you_mean(name, names) or f"mtl list {kind} names all: {', '.join(names) or 'none'}"
        for provider in self.unavailable():
            hint += f"\n  note: {broken_line(provider)}"
        return hint

    def _collect(self) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        for key, provider in list(self._providers.items()):
            if provider.unavailable:
                continue
            try:
                records = (
                    self._records(key) if provider.distribution == HOME else self._watched(key, provider)
                )
                found = [Entry(component, provider) for component in records]
                _refuse_repeated(entries, found)
                entries += found
            except KeyboardInterrupt as interrupt:
                raise KeyboardInterrupt(f"while {provider.named} listed its components") from interrupt
            except BaseException as error:
                self._providers[key] = as_broken(provider, "records", error)
                refuse_broken_home(self._providers[key])
                self.manager.unregister(name=key)
        return tuple(entries)

    def _watched(self, key: str, provider: Provider) -> list[Component]:
        waiting = f"still waiting for the components of {provider.named} ...\n{remedy(provider)}"
        with told_when_slow(waiting):
            return self._records(key)

    def _records(self, key: str) -> list[Component]:
        plugin = self.manager.get_plugin(key)
        records = []
        for caller in self.manager.get_hookcallers(plugin) or ():
            if caller.name != COMPONENTS and caller.name not in REPLACED:
                continue
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    records += _checked(caller.name, implementation.function)
        names = [(record.kind, record.name) for record in records]
        for kind, name in names:
            if names.count((kind, name)) > 1:
                raise ComponentError(f"it yields two components named {name!r} of kind {kind}")
        return records


def _refuse_repeated(known: Sequence[Entry], found: Sequence[Entry]) -> None:
    """Raise `ComponentError` for a name that its distribution has already: nothing tells them apart."""
    names = {(entry.component.kind, entry.qualified_name): entry for entry in known}
    for entry in found:
        if (other := names.get((entry.component.kind, entry.qualified_name))) is not None:
            raise ComponentError(
                f"its {entry.component.kind} {entry.component.name!r} is that of plugin "
                f"{other.provider.name!r} of the same distribution already"
            )


class HasRegistry(Protocol):
    """What a command is given as its context's object: it knows the components that are in use."""

    @property
    def registry(self) -> Registry:
        """The registry with all components collected."""


def _package(module: str) -> str:
    return module.partition(".")[0]


def _checked(name: str, hook: Callable[[], Any]) -> list[Component]:
    records = hook()
    if records is None or isinstance(records, str | Component):
        raise ComponentError(f"{name} must return an iterable of Component records, got {records!r}")
    checked: list[Component] = []
    for record in records:
        if len(checked) == MOST:
            raise ComponentError(f"{name} yields more than {MOST} records")
        if not isinstance(record, Component):
            raise ComponentError(f"{name} must yield Component records, got {record!r}")
        problems = record.problems()
        if problems:
            raise ComponentError(f"{name} yields an invalid record {record.name!r}: {problems[0]}")
        checked.append(record)
    return checked


def discover(files: Iterable[Path] = ()) -> Registry:
    """Find and load all installed plugins and the given plugin files, and return their registry."""
    manager, providers = load_plugins(files)
    return Registry(manager, providers)


@cache
def installed() -> Registry:
    """Return the registry of the installed plugins, discovered once per process."""
    return discover()
