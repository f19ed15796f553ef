"""Reading a model's file: a regular one, of a size that one model can have. No torch, no onnx."""

from __future__ import annotations

from pathlib import Path

from ..core.base.errors import MtlError, UsageError
from ..core.base.files import read_bytes

LARGEST = 2**31
"""Bytes; a protocol buffer holds no more."""


def read_model(path: Path, *, error: type[MtlError] = UsageError) -> bytes:
    """Return the content of a model's file; raise `error` that names it when there is no such file."""
    hint = "name a model that mtl wrote, or the run folder it is in"
    return read_bytes(path, "a model", hint=hint, most=LARGEST, error=error)
