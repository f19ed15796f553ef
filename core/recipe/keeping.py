"""How often the state of a training is kept within an epoch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError


def _every(value: Any) -> Any:
    steps = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value is None or value == "shards" or steps:
        return value
    raise PydanticCustomError("every", "must be a number of steps, at least 1, or `shards`")


Every = Annotated[Annotated[int, Field(ge=1)] | Literal["shards"] | None, BeforeValidator(_every)]
"""After so many steps, or after each group of tar shards; None: after epochs alone."""
