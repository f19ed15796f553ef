"""The proof that lies beside an exported file: `verify.json`. No torch, no onnx."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.base.errors import VerificationError
from ..core.base.files import read_json, reading, sha256

TOGETHER = "verify.json"
"""A folder of several models keeps their proofs in one file, by name."""


def proof_path(path: Path) -> Path:
    """Return where the proof of an export lies: `verify.json`, or `NAME.verify.json` for another name.

    >>> [proof_path(Path(name)).name for name in ("model.onnx", "bytes.onnx", "model.pt2")]
    ['verify.json', 'bytes.verify.json', 'model.pt2.verify.json']
    """
    if path.name == "model.onnx":
        return path.with_name("verify.json")
    return path.with_name(f"{path.stem if path.suffix == '.onnx' else path.name}.verify.json")


def proof_of(path: Path) -> Mapping[str, Any] | None:
    """Return what the proof beside an exported file says of it, or None when there is none.

    Raises `UsageError`, naming the proof, when it cannot be read.
    """
    for place in dict.fromkeys((proof_path(path), path.with_name(TOGETHER))):
        if os.path.lexists(place):
            hint = f"export {path.name} again, or take {place.name} away"
            with reading(place, f"the proof of {path.name}", hint=hint):
                proof = read_json(place, f"the proof of {path.name}", hint=hint)
                found = proof["models"].get(path.name) if "models" in proof else proof
                if found is not None and (place == proof_path(path) or "models" in proof):
                    str(found["file"]["sha256"])
                    return dict(found)
    return None


def check_proof(path: Path, data: bytes) -> None:
    """Raise `VerificationError` when a proof lies beside a file and is one of other bytes."""
    proof = proof_of(path)
    if proof is not None and proof["file"]["sha256"] != sha256(data):
        raise VerificationError(
            f"{path} is not the file that was proven: its sum is not that of the proof beside it",
            hint="export it again, or take the proof of the other file away",
        )
