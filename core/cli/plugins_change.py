"""What the commands that install and remove plugins say of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..base.errors import ComponentError

if TYPE_CHECKING:
    from ..ecosystem.condition import Condition


def tell_differences(before: Condition, after: Condition) -> None:
    """Name on stderr the packages that came, went or changed."""
    from ..ecosystem.condition import differences

    for line in differences(before, after):
        click.echo(line, err=True)


def require_unbroken(before: Condition, after: Condition, what: str, changed: str | None) -> None:
    """Raise `ComponentError` with the way back when something works no more; each thing is told before."""
    from ..ecosystem.condition import broken, way_back

    found = broken(before, after, changed)
    for line in found:
        click.echo(f"warning: {line}", err=True)
    if found:
        raise ComponentError(
            f"{what} broke {len(found)} {'thing' if len(found) == 1 else 'things'} that worked before",
            hint=f"go back: {way_back(before, after)}",
        )
