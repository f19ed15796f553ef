"""The sum at the end of an exported file: whether its bytes are those that were written. No torch, no onnx.

It is a last entry of the metadata, so the file stays one ONNX message, and it covers every byte before it. It
finds damage; it is no signature.

>>> unbroken(sealed(b"weights")), unbroken(sealed(b"weights").replace(b"w", b"v")), unbroken(b"weights")
(True, False, None)
"""

from __future__ import annotations

import hashlib

KEY = "mtl.sha256"
"""The name of the entry; its value is a JSON string."""

# An entry of `ModelProto.metadata_props` (field 14): two strings, of 10 and 66 bytes.
_BEFORE = b"\x72\x50\x0a\x0a" + KEY.encode() + b'\x12\x42"'
_AFTER = b'"'
_SIZE = len(_BEFORE) + 64 + len(_AFTER)


def sealed(data: bytes) -> bytes:
    """Return an ONNX file that has no sum with its sum at the end."""
    return data + _BEFORE + _digest(data) + _AFTER


def unbroken(data: bytes) -> bool | None:
    """Return whether the bytes are those that were sealed; None when there is no sum at the end."""
    if not _has_seal(data):
        return None
    # A view: a copy of a large file would hold it twice.
    return data[-_SIZE + len(_BEFORE) : -len(_AFTER)] == _digest(memoryview(data)[:-_SIZE])


def _has_seal(data: bytes) -> bool:
    return data[-_SIZE:].startswith(_BEFORE) and len(data) >= _SIZE and data.endswith(_AFTER)


def _digest(body: bytes | memoryview) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
