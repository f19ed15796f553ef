"""Imports of torch's compiler and exporter, without what they do for nobody."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .collection import uncollected


@contextmanager
def brief_imports(*, for_good: bool = False) -> Iterator[None]:
    """Import torch, or what brings in its compiler, in a block: without the collector, and sources unread.

    `for_good` is that of `uncollected`.

    >>> with brief_imports():
    ...     import torch._dynamo
    """
    with uncollected(for_good=for_good), _callers_unread():
        yield


@contextmanager
def _callers_unread() -> Iterator[None]:
    """Let torch register operators in a block without opening the source of each caller.

    It keeps the caller's file and line, for which Python's `inspect` reads the whole file and looks through
    all modules: 0.12 s of CPU for 150 operators. Whoever else asks `inspect` gets what it always gives.
    """
    whole = inspect.getframeinfo
    if isinstance(whole, _Brief):
        yield
        return
    inspect.getframeinfo = _Brief(whole)
    try:
        yield
    finally:
        inspect.getframeinfo = whole


class _Brief:
    """Answers torch without lines of source, and everybody else in whole."""

    def __init__(self, whole: Callable[..., inspect.Traceback]) -> None:
        self._whole = whole

    def __call__(self, frame: types.FrameType | types.TracebackType, context: int = 1) -> inspect.Traceback:
        asking = sys._getframe(1).f_globals.get("__name__")
        return self._whole(frame, 0 if asking == "torch._library.utils" else context)
