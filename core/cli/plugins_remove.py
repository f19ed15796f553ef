"""`mtl plugins remove`: a plugin out of this environment."""

from __future__ import annotations

import click

from ..base.errors import ComponentError, UsageError, suggest
from ..discovery.home import HOME, bears_the_name, normalized
from .asked import confirm
from .completion import plugins
from .session import Session, pass_session


@click.command("remove")
@click.argument("name", shell_complete=plugins)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def command(session: Session, name: str, yes: bool) -> None:
    """Uninstall a plugin with pip from this environment.

    NAME is that of its distribution, or of one of its entry points. The command of pip is shown and asked
    about. What is no plugin of mtl is left alone; what does not work any more is told, with the way back.

    \b
    Examples:
      mtl plugins remove my-plugin
      mtl plugins remove my-plugin --yes
    """
    from ..ecosystem.condition import condition
    from ..ecosystem.pip import pip_command, run_pip
    from .plugins_change import require_unbroken, tell_differences

    distribution = _distribution(session, name)
    line = pip_command("uninstall", "--yes", distribution)
    confirm("remove it?", yes, about=line)
    before = condition()
    run_pip(line)
    after = condition()
    tell_differences(before, after)
    require_unbroken(before, after, f"removing {name}", normalized(distribution))
    if after.of(distribution):
        raise ComponentError(f"{distribution} is still there", hint=f"see: mtl plugins show {distribution}")
    click.echo(f"removed {distribution}")


def _distribution(session: Session, name: str) -> str:
    """Return the distribution that is meant; raise `UsageError` for what is no plugin, and for mtl itself."""
    from importlib import metadata

    found = {provider.distribution for provider in session.registry.providers}
    installed = {item for item in found if not item.endswith(".py")} - {HOME}
    meant = {item for item in installed if normalized(item) == normalized(name)} or {
        provider.distribution
        for provider in session.registry.providers
        if provider.name == name and provider.distribution in installed
    }
    if len(meant) == 1:
        return meant.pop()
    if meant:
        raise UsageError(f"{name!r} is of {' and '.join(sorted(meant))}", hint="name the distribution")
    own = {provider.name for provider in session.registry.providers if provider.distribution == HOME}
    if bears_the_name(name) or name in own:
        raise UsageError(f"{name} is of mtl itself, and no plugin", hint=f"pip uninstall {HOME}")
    try:
        metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        hint = suggest(name, sorted(installed), "plugins")
        raise UsageError(f"no plugin {name!r} is installed", hint=hint) from None
    raise UsageError(f"{name} is no plugin of mtl", hint=f"pip uninstall {name}")
