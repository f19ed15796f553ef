"""`mtl plugin check`: the conformance kit without writing a test."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from .completion import plugins
from .results import print_table
from .session import Session, pass_session, print_json

if TYPE_CHECKING:
    from ..testing import Result


@click.command("check")
@click.argument("target", required=False, shell_complete=plugins)
@click.option("--kind", help="Only components of a kind, or `plugin` for the plugin as a whole.")
@click.option("--name", help="Only components of a name.")
@click.option("--quick", is_flag=True, help="Only checks that neither train nor export.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(
    session: Session, target: str | None, kind: str | None, name: str | None, quick: bool, as_json: bool
) -> None:
    """Check that a plugin's components keep the promises of their contracts.

    TARGET is a distribution, a plugin file, or the folder of a package, which need not be installed; without
    it, all plugins but the built-in ones are checked. The exit status is 3 when a check fails.

    \b
    Examples:
      mtl plugin check
      mtl plugin check mtl-composer --kind balancer --name sum --json
    """
    from ..base.errors import ComponentError, UsageError
    from ..testing.location import located
    from ..testing.running import checks_for, results_of
    from ..testing.subjects import Subject, subjects

    def announce(subject: Subject) -> None:
        click.echo(f"checking {subject.kind} {subject.name}", err=True)

    if kind is not None:
        checks_for(kind)  # refuses an unknown kind before anything is loaded
    with located(target, tuple(session.plugin_files)) as (registry, names):
        if not names:
            click.echo("no plugins but the built-in ones are installed", err=True)
        chosen = [item for item in subjects(registry, names, kind=kind) if name in (None, item.name)]
        if names and not chosen:
            wanted = " ".join(item for item in (kind or "component", name and repr(name)) if item)
            raise UsageError(f"{names[0]} has no {wanted}", hint="see: mtl plugins")
        results = list(results_of(chosen, announce, quick=quick))
    _print(results, as_json)
    failed = sum(result.status == "failed" for result in results)
    if failed:
        raise ComponentError(
            f"{failed} of {len(results)} checks failed",
            hint="mend the component, or say in a test why it must fail: mtl.testing",
        )


def _print(results: list[Result], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "distribution": result.distribution,
                    "kind": result.kind,
                    "name": result.name,
                    "check": result.check,
                    "status": result.status,
                    "reason": result.reason or None,
                    "seconds": round(result.seconds, 3),
                }
                for result in results
            ]
        )
        return
    if not results:
        return
    rows = [[result.component, result.check, result.status, f"{result.seconds:.1f}"] for result in results]
    print_table(rows, ["component", "check", "result", "seconds"])
    for result in results:
        if result.reason:
            click.echo(f"\n{result.component}: {result.check}: {result.status}: {result.reason}")
    counts = Counter(result.status for result in results)
    click.echo("\n" + ", ".join(f"{counts[status]} {status}" for status in ("ok", "failed", "skipped")))
