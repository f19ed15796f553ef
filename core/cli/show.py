"""`mtl show`: one component, its options, and how a recipe writes it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from .completion import kinds, of_kind
from .recipes_show import show_recipe
from .results import print_table
from .session import Session, pass_session, print_json

if TYPE_CHECKING:
    from ..contracts import Form
    from ..discovery.registry import Entry


@click.command("show")
@click.argument("kind", shell_complete=kinds)
@click.argument("name", shell_complete=of_kind)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, kind: str, name: str, as_json: bool) -> None:
    """Show a component: what it is, where it comes from, its options with types, defaults and ranges.

    \b
    Examples:
      mtl show encoder mlp
      mtl show task denoise --json
    """
    from ..discovery.options import describe_options, options_of, plain
    from ..discovery.registry import component_class
    from ..recipe.recipe_source import write_yaml

    entry = session.registry.find(kind, name)
    if kind == "recipe":
        show_recipe(session, name, as_json)
        return
    target = component_class(entry)
    options = describe_options(options_of(entry))
    example = {"name": name, **{option.name: option.default for option in options}}
    if as_json:
        described = {"options": [vars(option) for option in options], "example": plain(example)}
        print_json(_facts(entry) | described | (_defaults_of_form(target) if kind == "form" else {}))
        return
    click.echo(f"{kind} {name}: {entry.component.summary}")
    click.echo(f"from {entry.provider.label}, {entry.component.target}\n")
    if text := inspect.getdoc(target):
        click.echo(text + "\n")
    rows = [
        [option.name, option.type, str(option.default), option.range, option.description]
        for option in options
    ]
    if rows:
        print_table(rows, ["option", "type", "default", "range", "description"])
        click.echo()
    if kind == "form":
        for part, chosen in _defaults_of_form(target).items():
            click.echo(f"{part}: {', '.join(chosen) or 'none'}")
        return
    click.echo("in a recipe:")
    click.echo(write_yaml(_placed(kind, example)), nl=False)


def _facts(entry: Entry) -> dict[str, object]:
    """Return what a component is and where it comes from, as plain JSON values."""
    return {
        "kind": entry.component.kind,
        "name": entry.component.name,
        "summary": entry.component.summary,
        "distribution": entry.provider.distribution,
        "version": entry.provider.version,
        "target": entry.component.target,
    }


def _defaults_of_form(form: type[Form]) -> dict[str, list[str]]:
    """Return what answers of a form get where neither task nor recipe names a component."""
    found = {"head": (form.head,), "loss": (form.loss,), "metrics": form.metrics}
    return {part: [name for name in names if name] for part, names in found.items()}


def _placed(kind: str, example: dict[str, object]) -> dict[str, object]:
    """Return the example where a recipe has it."""
    if kind == "task":
        name = str(example["name"])
        return {"tasks": {name: {"task": name, **{k: v for k, v in example.items() if k != "name"}}}}
    if kind in ("head", "loss"):
        return {"tasks": {"NAME": {kind: example}}}
    if kind == "metric":
        return {"tasks": {"NAME": {"metrics": [example]}}}
    if kind in ("optimizer", "schedule"):
        return {"train": {kind: example}}
    if kind == "augmentation":
        return {"augmentations": [example]}
    return {"export" if kind == "exporter" else kind: example}
