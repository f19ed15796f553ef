"""Changes to JSON values, drawn by hypothesis."""

from __future__ import annotations

from typing import Any


def replace(draw: Any, value: Any, new: Any) -> None:
    """Replace something in a JSON value, at any depth."""
    from hypothesis import strategies as st

    while isinstance(value, dict | list) and value:
        places = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        place = draw(st.sampled_from(places))
        if not isinstance(value[place], dict | list) or not value[place] or draw(st.integers(0, 3)) == 0:
            value[place] = new
            return
        value = value[place]
