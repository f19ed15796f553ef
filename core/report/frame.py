"""The frame that every page of ours has: one file with its style, links to the sections, the sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .markup import Html
from .templating import rendered


class Section(NamedTuple):
    """A headed part of a page; `name` is what links lead to."""

    name: str
    title: str
    content: Html


def framed(title: str, header: Html, sections: Sequence[Section], style: str = "") -> Html:
    """Return a whole page that needs nothing else; `style` is what it adds to the common style sheet."""
    return rendered("frame.html", title=title, header=header, sections=sections, style=Html(style))
