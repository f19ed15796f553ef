"""`mtl recipes show`: a shipped recipe as its author wrote it."""

from __future__ import annotations

import click

from .session import Session, pass_session, print_json


@click.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, name: str, as_json: bool) -> None:
    """Print a shipped recipe as it was written, comments included.

    `mtl compose --recipe NAME --dry-run` prints it with every default filled in.

    \b
    Examples:
      mtl recipes show mnist-even-third
      mtl recipes show mnist-denoise-classify --json
    """
    show_recipe(session, name, as_json)


def show_recipe(session: Session, name: str, as_json: bool) -> None:
    """Print a shipped recipe, also for `mtl show recipe`."""
    from ..recipe.recipe_source import parse_recipe_text
    from ..recipe.shipped_recipes import recipe_text

    text = recipe_text(session.registry, name)
    if not as_json:
        click.echo(text, nl=False)
        return
    entry = session.registry.find("recipe", name)
    print_json(
        {
            "kind": "recipe",
            "name": name,
            "summary": entry.component.summary,
            "distribution": entry.provider.distribution,
            "version": entry.provider.version,
            "target": entry.component.target,
            "recipe": parse_recipe_text(text, name).tree,
            "text": text,
        }
    )
