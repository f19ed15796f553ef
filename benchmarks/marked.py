"""What a benchmark writes into a document: the text between `<!-- NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re


def with_marked(text: str, name: str, content: str) -> str:
    """Return a document with other content at a marker; end the program where it is not there just once.

    >>> with_marked("<!-- measured: a -->\\nold\\n<!-- end -->", "measured: a", "new")
    '<!-- measured: a -->\\nnew\\n<!-- end -->'
    """
    pattern = re.compile(rf"(<!-- {re.escape(name)} -->).*?(<!-- end -->)", re.DOTALL)
    text, count = pattern.subn(lambda found: f"{found[1]}\n{content}\n{found[2]}", text)
    if count != 1:
        raise SystemExit(f"a document must have the marker `{name}` once, and has it {count} times")
    return text
