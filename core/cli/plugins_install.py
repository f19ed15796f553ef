"""`mtl plugins install`: a plugin into this environment, tried at once."""

from __future__ import annotations

import click

from ..base.errors import ComponentError
from .asked import confirm
from .results import print_table

_SECONDS = 600.0
"""Quick checks of a distribution that take longer hang."""


@click.command("install")
@click.argument("package", metavar="NAME")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(package: str, yes: bool) -> None:
    """Install a plugin with pip into this environment, and try each of its components.

    NAME is a package of the index (`my-plugin`, `my-plugin==1.0`), a wheel, or the folder of a package. The
    command of pip is shown and asked about. What was found in the plugin is listed with what the quick checks
    of `mtl plugin check` say of it; what does not work any more is told, with the commands that go back.

    \b
    Examples:
      mtl plugins install my-plugin
      mtl plugins install ./my-plugin --yes
    """
    from ..ecosystem.condition import condition, new_plugins, way_back
    from ..ecosystem.named_package import named_package
    from ..ecosystem.pip import pip_command, run_pip
    from .plugins_change import require_unbroken, tell_differences

    wanted = named_package(package)
    line = pip_command("install", wanted.told)
    confirm("install it?", yes, about=line)
    before = condition()
    run_pip(line)
    after = condition()
    tell_differences(before, after)
    came = new_plugins(before, after, wanted.name)
    wrong = _try(came)
    require_unbroken(before, after, f"installing {package}", wanted.name)
    if not came:
        raise ComponentError(
            f"{package} is installed, and is no plugin of mtl: it declares no entry point of the group `mtl`",
            hint=f"go back: {way_back(before, after)}",
        )
    names = " ".join(came)
    if wrong:
        raise ComponentError(
            f"it is installed, and does not keep every promise: {', '.join(wrong)}",
            hint=f"remove it: mtl plugins remove {names}; all that the kit says: mtl plugin check {names}",
        )
    click.echo(f"quick checks passed; all of them: mtl plugin check {names}", err=True)


def _try(distributions: list[str]) -> list[str]:
    """List the components of distributions with what the quick checks say; return those that fail one."""
    from ..ecosystem.conformance import verdicts

    found = [verdict for name in distributions for verdict in verdicts(name, quick=True, seconds=_SECONDS)]
    rows = [
        [verdict.kind, verdict.name, *(str(verdict.counts.get(it, 0)) for it in ("ok", "failed", "skipped"))]
        for verdict in found
    ]
    if rows:
        print_table(rows, ["kind", "name", "ok", "failed", "skipped"])
    for verdict in found:
        for check, reason in verdict.failures.items():
            click.echo(f"\n{verdict.kind} {verdict.name}: {check}: {reason}")
    return [f"{verdict.kind} {verdict.name}" for verdict in found if not verdict.conforms]
