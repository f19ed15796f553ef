"""The declaration of one experiment: where it was written, and what it means."""

from __future__ import annotations

from typing import Any

from ..former import former_name


def __getattr__(name: str) -> Any:
    return former_name(__name__, "recipe", name)
