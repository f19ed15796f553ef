"""What every command shares: the registry, where to speak, and whether to show tracebacks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from ..base.importing import brief_imports
from ..discovery.plugin_loading import Provider, broken_line, next_step
from ..discovery.registry import Registry, discover


@dataclass
class Session:
    """One invocation of the command line; it may have the whole process, which ends with it.

    `arguments` are the words that came after `mtl`.
    """

    plugin_files: Sequence[Path] = ()
    debug: bool = False
    has_process: bool = False
    arguments: Sequence[str] = ()
    _warned: set[str] = field(default_factory=set)

    @cached_property
    def plugins(self) -> Registry:
        """The plugins, loaded; broken ones are named once on stderr."""
        registry = discover(self.plugin_files)
        self._warn(tuple(registry._providers.values()))
        return registry

    @property
    def registry(self) -> Registry:
        """The registry with all components collected."""
        self._warn(self.plugins.providers)
        return self.plugins

    def importing(self) -> AbstractContextManager[None]:
        """Return a block to import in what takes seconds."""
        return brief_imports(for_good=self.has_process)

    def plugin_at_fault(self, error: BaseException) -> Provider | None:
        """Return the plugin whose code raised an error that nobody foresaw, if there is one."""
        return self.plugins.plugin_of(error) if "plugins" in vars(self) else None

    def add_commands(self, group: click.Group) -> None:
        """Let every plugin add its commands; one that fails is named and stops nothing."""
        for failure in self.plugins.notify("mtl_commands", cli=group):
            click.echo(f"warning: {failure}", err=True)

    def _warn(self, providers: Sequence[Provider]) -> None:
        for provider in providers:
            if provider.broken:
                self._warn_once(broken_line(provider), next_step(provider))
            elif provider.slow:
                self._warn_once(
                    f"plugin {provider.name!r} of {provider.label} took {provider.seconds:.1f} s to import",
                    f"every command waits for it; MTL_DISABLE_PLUGINS={provider.name} switches it off",
                )
            if provider.printed:
                self._warn_once(
                    f"plugin {provider.name!r} of {provider.label} printed on import: "
                    f"{provider.printed.splitlines()[0]}",
                    "a plugin must not print on import: it would end up in the output of every command",
                )

    def _warn_once(self, line: str, hint: str) -> None:
        if line not in self._warned:
            self._warned.add(line)
            click.echo(f"warning: {line}\n  hint: {hint}", err=True)


pass_session = click.make_pass_decorator(Session, ensure=True)


def print_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    click.echo(json.dumps(finite(value), indent=2, allow_nan=False, default=str))


def finite(value: Any) -> Any:
    """Return the value with null for every number that JSON does not know."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def warn(text: str) -> None:
    """Write a warning to stderr."""
    click.echo(f"warning: {text}", err=True)
