"""Whether this process is one of several that train one model: what torchrun tells it, read without torch."""

from __future__ import annotations

import os

from .errors import UsageError

PATIENCE = 3.0
"""Seconds that a rank waits before it tells why it failed: who leads, or who started it, is first."""


def world() -> int:
    """Return how many processes were started together, by torchrun or what sets the same variables.

    >>> world()
    1
    """
    told = os.environ.get("WORLD_SIZE", "")
    return int(told) if told.isdecimal() and os.environ.get("RANK", "").isdecimal() else 1


def rank() -> int:
    """Return this process's number among them; 0 leads, and is who there is where nobody else is.

    >>> rank()
    0
    """
    return int(os.environ["RANK"]) if world() > 1 else 0


def place_here() -> tuple[int, int]:
    """Return this process's number among those on this machine, and how many these are.

    >>> place_here()
    (0, 1)
    """
    if world() == 1:
        return 0, 1
    here, count = (os.environ.get(name, "") for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    return (int(here), int(count)) if here.isdecimal() and count.isdecimal() else (rank(), world())


def refuse_together(what: str) -> None:
    """Raise `UsageError` for what one process does alone, where several were started together."""
    if (count := world()) > 1:
        raise UsageError(
            f"{what} is done by one process, and {count} were started together",
            hint="torchrun is for mtl compose and mtl resume",
        )
