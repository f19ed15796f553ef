"""A recipe resolved to live objects: the model, and all that it is trained with."""

from __future__ import annotations

from typing import Any

from ..former import former_name


def __getattr__(name: str) -> Any:
    return former_name(__name__, "composition", name)
