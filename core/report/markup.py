"""HTML and SVG that cannot be broken by what is put into it: text is escaped unless it is markup already.

>>> tag("p", "a < b", tag("b", "!"), class_="note")
'<p class="note">a &lt; b<b>!</b></p>'
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_VOID = frozenset({"img", "meta", "br"})
Attribute = str | int | float | bool | None


class Html(str):
    """Text that is markup already and is not escaped again, by templates neither."""

    __slots__ = ()

    def __html__(self) -> Html:
        return self


def tag(element: str, /, *content: str, **attributes: Attribute) -> Html:
    """Return an element; content is escaped unless it is `Html`.

    An underscore in an attribute's name stands for a hyphen, a trailing one is dropped (`class_`). An
    attribute that is None or False is left out; True writes the name alone.

    >>> tag("img", src="x.png", alt='say "hi"')
    '<img src="x.png" alt="say &quot;hi&quot;">'
    """
    opened = f"<{element}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(opened) if element in _VOID else Html(f"{opened}{join(content)}</{element}>")


def join(parts: Iterable[str]) -> Html:
    """Return the parts one after the other, escaped unless they are `Html`."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts))


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, numeric: Iterable[int] = ()
) -> Html:
    """Return a table whose first column heads its rows; columns `numeric` are set to the right.

    The caption is for those who cannot see what surrounds the table.
    """
    right = frozenset(numeric)

    def cell(name: str, column: int, content: str, scope: str | None = None) -> Html:
        return tag(name, content, scope=scope, class_="number" if column in right else None)

    head = tag("tr", *(cell("th", column, text, "col") for column, text in enumerate(header)))
    body = [
        tag(
            "tr",
            *(
                cell("td", column, text) if column else cell("th", 0, text, "row")
                for column, text in enumerate(row)
            ),
        )
        for row in rows
    ]
    return tag(
        "div",
        tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body)),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def pairs(items: Iterable[tuple[str, str]]) -> Html:
    """Return a list of terms and what is said about them."""
    return tag("dl", *(tag("div", tag("dt", term), tag("dd", text)) for term, text in items))


def folded(title: str, *content: str) -> Html:
    """Return content that is shown on request."""
    return tag("details", tag("summary", title), *content)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{html.escape(text)}"'
