"""Where an export and its proof lie."""

from __future__ import annotations

from pathlib import Path


def proof_path(path: Path) -> Path:
    """Return where the proof of an export lies: `verify.json`, or `NAME.verify.json` for another name.

    >>> [proof_path(Path(name)).name for name in ("model.onnx", "bytes.onnx", "model.pt2")]
    ['verify.json', 'bytes.verify.json', 'model.pt2.verify.json']
    """
    if path.name == "model.onnx":
        return path.with_name("verify.json")
    return path.with_name(f"{path.stem if path.suffix == '.onnx' else path.name}.verify.json")
