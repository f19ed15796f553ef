"""What a notebook shows of something: a small box of HTML, with nothing in it that is not escaped."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable, Sequence
from typing import Any

STYLE = """
.mtl-box { --mtl-a: #3557d6; --mtl-b: #a8480a; --mtl-c: #14703c; --mtl-d: #8a2be2; --mtl-e: #777;
  font-size: 13px; line-height: 1.45; margin: .4em 0; }
.mtl-box h4 { margin: 0 0 .3em; font-size: 15px; }
.mtl-box p { margin: 0 0 .5em; opacity: .8; }
.mtl-box table { border-collapse: collapse; margin: 0 0 .6em; }
.mtl-box th, .mtl-box td { padding: .15em .8em .15em 0; text-align: left; font-weight: normal; border: 0; }
.mtl-box thead th { border-bottom: 1px solid currentColor; font-weight: 600; }
.mtl-box .number { text-align: right; font-variant-numeric: tabular-nums; }
.mtl-box img { image-rendering: pixelated; vertical-align: middle; }
.mtl-box svg text { fill: currentColor; font-size: 11px; }
.mtl-box svg .grid { stroke: currentColor; stroke-opacity: .15; }
.mtl-box svg .axis { fill: none; stroke: currentColor; stroke-opacity: .5; }
.mtl-box svg .line { fill: none; stroke-width: 1.8; }
.mtl-box svg .s0 { stroke: var(--mtl-a); } .mtl-box svg .s1 { stroke: var(--mtl-b); }
.mtl-box svg .s2 { stroke: var(--mtl-c); } .mtl-box svg .s3 { stroke: var(--mtl-d); }
.mtl-box svg .s4 { stroke: var(--mtl-e); } .mtl-box svg .dot { fill: none; }
"""
"""Everything is below one class, so that nothing else in the notebook changes."""


def box(title: str, said: str, *content: str) -> str:
    """Return a box with a title and a sentence; `content` is markup."""
    head = f"<h4>{html.escape(title)}</h4><p>{html.escape(said)}</p>"
    return f'<div class="mtl-box"><style>{STYLE}</style>{head}{"".join(content)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """Return a table of text; the columns `numeric` are set to the right.

    >>> table(["task"], [["a < b"]])
    '<table><thead><tr><th>task</th></tr></thead><tbody><tr><td>a &lt; b</td></tr></tbody></table>'
    """
    right = frozenset(numeric)
    number = ' class="number"'

    def row(cells: Sequence[str], name: str) -> str:
        found = (
            f"<{name}{number if at in right else ''}>{html.escape(text)}</{name}>"
            for at, text in enumerate(cells)
        )
        return f"<tr>{''.join(found)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<table><thead>{row(header, 'th')}</thead><tbody>{body}</tbody></table>"


def shown(value: Any) -> str:
    """Return a number with four digits, and nothing for what is none.

    >>> shown(0.98765432), shown(None)
    ('0.9877', '')
    """
    return f"{value:.4g}" if isinstance(value, int | float) else ""


def in_notebook() -> bool:
    """Return whether this process answers a notebook; nothing is imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
