"""Methods that do not keep their owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that does not keep its owner, which must be there when it is called.

    So what holds it is in no cycle with the owner, which goes at once when nobody else wants it: a finished
    trainer, say, with its graphs.
    """
    found = WeakMethod(method)

    def call(*given: Any) -> Any:
        alive = found()
        assert alive is not None
        return alive(*given)

    return call
