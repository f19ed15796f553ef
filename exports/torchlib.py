"""torch's library of ONNX functions, without reading the source of every one of them."""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
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
