"""Work that is waited for so long and no longer, whatever it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class TooLate(Exception):  # noqa: N818 - a fact that the caller words for the user
    """The work was not done in time."""


def within(seconds: float, work: Callable[[], Value], stop: Callable[[], object] = lambda: None) -> Value:
    """Return what `work` returns, or raise what it raises; raise `TooLate` when it takes longer.

    It is done in a thread of its own. One that is late is told to `stop`, and left behind: a library may be
    where no exception reaches it. It ends with the process at the latest.

    >>> within(5, lambda: 3)
    3
    """
    found: list[Value] = []
    raised: list[BaseException] = []

    def do() -> None:
        try:
            found.append(work())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=do, name="mtl-within", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        stop()
        raise TooLate
    if raised:
        raise raised[0]
    return found[0]
