"""Python's collector of cycles, held back while what lasts is made in masses."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected(*, for_good: bool = False) -> Iterator[None]:
    """Do a block without the collector: importing torch or tracing a model makes a million lasting objects.

    It would go through all of them again and again, for a sixth of the time, and find next to nothing. Not
    for training: what is left in cycles there may hold a whole batch. If it is off, it stays off. With
    `for_good` it never looks at what there is after the block: for imports, in a process of our own.

    >>> with uncollected():
    ...     gc.isenabled()
    False
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        if for_good:
            gc.freeze()
        else:
            # What lasts is gone through once, not by each younger generation in turn.
            gc.collect(1)
    finally:
        gc.enable()
