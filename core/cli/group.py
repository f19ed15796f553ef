"""A click group that knows its commands by name, target and summary, and imports one when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import click

from ..base.errors import ComponentError, described, did_you_mean


class LazyGroup(click.Group):
    """A group with lazily imported commands; plugins add theirs through `load_plugins`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._lazy: dict[str, tuple[str, str]] = {}
        self.before_listing: Callable[[click.Context], None] = lambda context: None

    def add_lazy(self, name: str, target: str, summary: str) -> None:
        """Add a command: `target` is `"package.module:command"`, imported only when the command runs.

        Raises `ComponentError` when the name is taken.
        """
        if name in self._lazy or name in self.commands:
            raise ComponentError(f"command {name!r} exists already")
        self._lazy[name] = (target, summary)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self.before_listing(ctx)
        return sorted([*self.commands, *self._lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            self.before_listing(ctx)
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        if module.partition(".")[0] == __package__.partition(".")[0]:
            own: click.Command = getattr(importlib.import_module(module), attribute)
            return own
        return _stranger(cmd_name, module, attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"no such command {name!r}" + (f"; {near}" if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (
                        name,
                        self._lazy[name][1]
                        if name in self._lazy
                        else self.commands[name].get_short_help_str(),
                    )
                    for name in names
                ]
            )


def _stranger(name: str, module: str, attribute: str) -> click.Command:
    """Return a plugin's command; raise `ComponentError` when its module or the command in it is broken."""
    try:
        command = getattr(importlib.import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ComponentError(
            f"command {name!r} cannot be loaded from '{module}:{attribute}': {described(error)}",
            hint="mend or uninstall the plugin that adds it; see: mtl plugins",
        ) from error
    if not isinstance(command, click.Command):
        raise ComponentError(f"command {name!r}: '{module}:{attribute}' is no click command")
    return command
