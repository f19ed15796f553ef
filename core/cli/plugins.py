"""`mtl plugins`: what is installed, and what is broken and why."""

from __future__ import annotations

import click

from .results import print_table
from .session import Session, pass_session, print_json


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, tracebacks included.")
@pass_session
def command(session: Session, as_json: bool) -> None:
    """List the installed plugins with their components; broken ones with the reason.

    \b
    Examples:
      mtl plugins
      mtl plugins --json
    """
    registry = session.registry
    found = [
        (
            provider,
            [f"{e.component.kind} {e.component.name}" for e in registry.entries() if e.provider == provider],
        )
        for provider in registry.providers
    ]
    if as_json:
        print_json(
            [
                {
                    "name": provider.name,
                    "distribution": provider.distribution,
                    "version": provider.version,
                    "status": "broken" if provider.broken else "ok",
                    "stage": provider.stage,
                    "reason": provider.reason,
                    "traceback": provider.trace,
                    "import_seconds": round(provider.seconds, 4),
                    "components": components,
                }
                for provider, components in found
            ]
        )
        return
    rows = [
        [
            provider.name,
            provider.label,
            f"broken ({provider.stage}): {provider.reason}" if provider.broken else "ok",
            str(len(components)),
        ]
        for provider, components in found
    ]
    print_table(rows, ["plugin", "distribution", "status", "components"])
