"""Samples and splits, and the pictures and tables they come from."""

from __future__ import annotations

from typing import Any

from ..former import former_name


def __getattr__(name: str) -> Any:
    return former_name(__name__, "samples", name)
