"""`mtl plugins`: what is installed, what is broken and why."""

from __future__ import annotations

from typing import Any

import click

from ..base.errors import UsageError, suggest
from ..discovery.plugin_loading import Provider, next_step
from ..discovery.registry import Registry
from .group import LazyGroup
from .results import print_table
from .session import Session, pass_session, print_json

_COMMANDS = {
    "index": "Write a page and JSON of plugins with what the conformance kit says of them.",
    "install": "Install a plugin with pip into this environment, and try it.",
    "remove": "Uninstall a plugin with pip from this environment.",
}


@click.group("plugins", cls=LazyGroup, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, tracebacks included.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins with their components; those not in use with the reason.

    `mtl plugins show PLUGIN` shows one in full.

    \b
    Examples:
      mtl plugins
      mtl plugins show plugins --json
    """
    if context.invoked_subcommand is not None:
        return
    session = context.find_object(Session) or Session()
    found = [_as_json(session.registry, provider) for provider in session.registry.providers]
    if as_json:
        print_json(found)
        return
    rows = [
        [
            row["name"],
            row["distribution"],
            row["version"],
            row["status"],
            f"{row['import_seconds']:.3f} s",
            _told(row),
        ]
        for row in found
    ]
    print_table(rows, ["plugin", "distribution", "version", "status", "import", "components"])


for _name, _summary in _COMMANDS.items():
    command.add_lazy(_name, f"{__package__}.plugins_{_name}:command", _summary)


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one plugin: its components, or why it is not in use, with the traceback."""
    registry = session.registry
    matches = [provider for provider in registry.providers if name in (provider.name, provider.distribution)]
    if not matches:
        names = [provider.name for provider in registry.providers]
        raise UsageError(f"no plugin {name!r} is installed", hint=suggest(name, names, "plugins"))
    found = [_as_json(registry, provider) for provider in matches]
    if as_json:
        print_json(found)
        return
    for row, provider in zip(found, matches, strict=True):
        click.echo(
            f"{row['name']}: {provider.label}, {row['status']}, imported in {row['import_seconds']:.3f} s"
        )
        for component in row["components"]:
            click.echo(f"  {component}")
        if provider.damage:
            click.echo(f"  damaged: {provider.damage}")
        if provider.unavailable:
            click.echo(f"  {provider.reason}\n  hint: {next_step(provider)}")
        if provider.trace:
            click.echo(provider.trace)


def _as_json(registry: Registry, provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "distribution": provider.distribution,
        "version": provider.version,
        "status": provider.status,
        "stage": provider.stage,
        "reason": provider.reason,
        "damage": provider.damage or None,
        "traceback": provider.trace,
        "import_seconds": round(provider.seconds, 4),
        "components": [
            f"{entry.component.kind} {entry.component.name}"
            for entry in registry.entries()
            if entry.provider == provider
        ],
    }


def _told(row: dict[str, Any]) -> str:
    told = str(row["reason"]) if row["stage"] else str(len(row["components"]))
    return f"{told}; damaged: {row['damage']}" if row["damage"] else told
