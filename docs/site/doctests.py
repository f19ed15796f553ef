"""Examples in docstrings, which Markdown takes for quotations, become blocks of code.

Called by mkdocstrings, see mkdocs.yml.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1.+)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Fences the examples of every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples of an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"\1```python\n\g<0>\n\1```", obj.docstring.value)
