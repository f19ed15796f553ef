"""What torch's exporter does over and over and nobody asks for, left out: the file is the same."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


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
