"""Where in somebody's code a thing happened: the line that people can look at, not one inside of torch."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Collection
from functools import cache
from pathlib import Path


def line_outside_torch(frames: traceback.StackSummary, without: Collection[str] = ()) -> str:
    """Return `FILE:LINE` of the innermost frame that is not torch's and not in a file of `without`.

    >>> line_outside_torch(traceback.StackSummary())
    '?'
    """
    for frame in reversed(frames):
        if frame.filename not in without and not Path(frame.filename).is_relative_to(_torch()):
            return f"{frame.filename}:{frame.lineno}"
    return "?"


@cache
def _torch() -> Path:
    found = importlib.util.find_spec("torch")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
