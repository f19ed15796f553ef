"""The pages' templates, in `templates/`: what is put into one is escaped unless it is markup already."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from .markup import Html

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(name: str, **values: Any) -> Html:
    """Return a template filled in; a name that it asks for and is not given is an error."""
    return Html(_environment().get_template(name).render(values))


@cache
def _environment() -> Environment:
    # Not with the module: whatever imports a page need not write one.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
