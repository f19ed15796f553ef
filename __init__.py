"""mtl: name the tasks, get one trained multitask model and an ONNX file proven to compute the same numbers.

    import mtl

    run = mtl.compose(tasks=["denoise", "classify"], encoder="lenet")
    run.metrics["test"]["classify"]["accuracy"]

Plugin authors use `Component`, `hookimpl`, and what is in `mtl.contracts` and `mtl.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .core.base import errors
from .core.contracts.hookspecs import hookimpl
from .core.contracts.records import Component

if TYPE_CHECKING:
    from .core.api import compose, load
    from .core.comparison.api import compare
    from .core.comparison.comparison import Comparison
    from .core.running.run import Run
    from .core.search.api import search
    from .core.search.searching import Search

__all__ = [
    "Comparison",
    "Component",
    "Run",
    "Search",
    "compare",
    "compose",
    "errors",
    "hookimpl",
    "load",
    "search",
]
__version__ = "0.1.0"

_LAZY = {
    "compose": "api",
    "load": "api",
    "Run": "running.run",
    "compare": "comparison.api",
    "Comparison": "comparison.comparison",
    "search": "search.api",
    "Search": "search.searching",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for: plugins import this module at start-up."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".core.{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    """Name what there is to use, what is imported when it is asked for included."""
    return sorted([*__all__, "__version__"])
