"""What a model answers, judged; what is read off the labels before it is trained."""

from __future__ import annotations

from typing import Any

from ..former import former_name


def __getattr__(name: str) -> Any:
    return former_name(__name__, "evaluation", name)
