"""`mtl list`: the components of a kind."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from ..base.errors import UsageError, suggest
from ..contracts.records import KINDS
from ..discovery.registry import component_class
from .completion import kinds
from .results import print_table
from .session import Session, pass_session, print_json


@click.command("list")
@click.argument("kind", required=False, shell_complete=kinds)
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, kind: str | None, pattern: str, as_json: bool) -> None:
    """List the components of a KIND whose names match a PATTERN; without a kind, the kinds.

    NAME:PATTERN lists the networks that the encoder of this name knows.

    \b
    Examples:
      mtl list task
      mtl list encoder 'r*' --json
      mtl list encoder 'torchvision:*mobile*'
    """
    if kind is None:
        rows = [{"kind": name, "components": session.registry.names(name)} for name in KINDS]
        if as_json:
            print_json(rows)
        else:
            print_table(
                [[str(row["kind"]), ", ".join(row["components"])] for row in rows], ["kind", "components"]
            )
        return
    singular = kind if kind in KINDS else {f"{name}s": name for name in KINDS}.get(kind, kind)
    if singular not in KINDS:
        raise UsageError(f"unknown kind {kind!r}", hint=suggest(kind, KINDS, "kinds"))
    name, colon, models = pattern.partition(":")
    if colon:
        _list_models(session, singular, name, models, as_json)
        return
    entries = [
        (name, session.registry.find(singular, name))
        for name in session.registry.names(singular)
        if fnmatchcase(name, pattern)
    ]
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "kind": singular,
                    "summary": entry.component.summary,
                    "distribution": entry.provider.distribution,
                    "version": entry.provider.version,
                    "default_for": list(entry.component.default_for),
                }
                for name, entry in entries
            ]
        )
    else:
        rows_of = [[name, entry.component.summary, entry.provider.label] for name, entry in entries]
        print_table(rows_of, ["name", "summary", "from"])


def _list_models(session: Session, kind: str, name: str, pattern: str, as_json: bool) -> None:
    """List what a component's option `model` may name."""
    component = component_class(session.registry.find(kind, name))
    known = component.models() if kind == "encoder" else {}
    if not known:
        raise UsageError(f"{kind} {name!r} has no models to list", hint=f"mtl list {kind}")
    found = {model: said for model, said in known.items() if fnmatchcase(model, pattern or "*")}
    if as_json:
        print_json(
            [{"name": model, "kind": kind, "of": name, "summary": said} for model, said in found.items()]
        )
    else:
        print_table([[model, said] for model, said in found.items()], ["model", "summary"])
