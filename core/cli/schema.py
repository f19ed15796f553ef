"""`mtl schema`: the JSON Schema of recipes, for editors."""

from __future__ import annotations

import click

from .session import Session, pass_session, print_json


@click.command("schema")
@pass_session
def command(session: Session) -> None:
    """Print the JSON Schema of recipes, with the options of every installed component.

    \b
    Examples:
      mtl schema
      mtl schema > recipe.schema.json
    """
    from ..recipe.schema import recipe_schema

    print_json(recipe_schema(session.registry))
