"""What torch's exporter does over and over and nobody asks for, left out: the file is the same."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import Any


@contextmanager
def lean_tracing() -> Iterator[None]:
    """Let a model be traced in a block without any of it."""
    with sources_unread(), scripts_translated_late(), operators_listed_once(), networks_unimported():
        yield


@contextmanager
def sources_unread() -> Iterator[None]:
    """Let a model be traced in a block without parsing the source of five hundred functions.

    onnxscript does so to name the domain of each to torch, which does not ask: 0.37 of an export's 6 seconds
    of CPU. In a version of onnxscript that does it otherwise, the block changes nothing.
    """
    from onnxscript import values

    kind: Any = getattr(values, "TracedOnnxFunction", None)
    read = vars(kind).get("function_ir") if kind is not None else None
    if not isinstance(read, property) or isinstance(read, _Unread):
        yield
        return
    kind.function_ir = _Unread(lambda function: types.SimpleNamespace(domain=function.opset.domain))
    try:
        yield
    finally:
        kind.function_ir = read


class _Unread(property):
    """Says what domain a function is in, and nothing else of it."""


@contextmanager
def operators_listed_once() -> Iterator[None]:
    """Let a model be traced in a block with torch's operators listed once, not for each of sixty libraries.

    None is registered meanwhile. 0.15 of an export's 6 seconds of CPU. In a version of torch that does it
    otherwise, the block changes nothing.
    """
    from torch._export import utils

    name = "_materialize_cpp_cia_ops"
    listing: Any = vars(utils).get(name)
    if not isinstance(listing, types.FunctionType):
        yield
        return
    setattr(utils, name, cache(listing))
    try:
        yield
    finally:
        setattr(utils, name, listing)


@contextmanager
def scripts_translated_late() -> Iterator[None]:
    """Let onnxscript come in in a block without translating those of its functions that nobody calls.

    Some fifty are translated from Python to ONNX when they are defined: 0.09 s of an export's CPU. One is
    translated when something is asked of its translation, in the block or after it.
    """
    from onnxscript._internal import main

    name = "script_check"
    translate: Any = vars(main).get(name)
    if not isinstance(translate, types.FunctionType):
        yield
        return

    setattr(main, name, partial(_Untranslated, translate))
    try:
        yield
    finally:
        setattr(main, name, translate)


class _Untranslated:
    """A function whose name and domain are known; whatever else is asked of it comes from its translation."""

    def __init__(
        self, translate: Callable[..., Any], definition: Any, opset: Any, *rest: Any, **named: Any
    ) -> None:
        self.name, self.domain = definition.name, opset.domain
        self.meta: dict[str, Any] = {}
        self._translate = partial(translate, definition, opset, *rest, **named)

    @cached_property
    def _translated(self) -> Any:
        made = self._translate()
        made.meta.update(self.meta)
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_translate":  # a copy that is being made has nothing yet
            raise AttributeError(name)
        return getattr(self._translated, name)


@contextmanager
def networks_unimported() -> Iterator[None]:
    """Let torch's compiler come in in a block without networkx, which it names in annotations.

    Its 285 modules take 0.08 s of an export's CPU. They are imported when something is asked of them, in the
    block or after it.
    """
    name = "networkx"
    if name in sys.modules or (spec := importlib.util.find_spec(name)) is None:
        yield
        return
    stand_in = _Later(name)
    stand_in.__spec__ = spec
    annotated = type("DiGraph", (), {})
    stand_in.DiGraph = annotated  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del stand_in.DiGraph
        stand_in.leave()


class _Later(types.ModuleType):
    """Stands where a module will be, which is imported when something is asked of it."""

    def leave(self) -> None:
        """Make room for the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        self.leave()
        return getattr(importlib.import_module(self.__name__), name)
