"""The user's cache folder: what can be made again from its sources, and is kept because making takes time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import MtlError
from .files import make_folder, sha256, write_json


def cache_folder() -> Path:
    """Return the folder: `MTL_CACHE_DIR`, else `mtl` in the user's cache (`XDG_CACHE_HOME` or `~/.cache`)."""
    chosen = os.environ.get("MTL_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mtl"


def cache_key(value: Any) -> str:
    """Return a name for what was made from these JSON values: another value, another name.

    >>> cache_key({"a": 1}) == cache_key({"a": 1}) != cache_key({"a": 2})
    True
    """
    return sha256(json.dumps(value, sort_keys=True, default=str).encode())[:32]


def remembered(folder: str, key: Any) -> dict[str, Any] | None:
    """Return the values kept for a key in a part of the cache, or None when there are none."""
    try:
        found = json.loads((cache_folder() / folder / f"{cache_key(key)}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found["value"] if isinstance(found, dict) and isinstance(found.get("value"), dict) else None


def remember(folder: str, key: Any, value: Mapping[str, Any]) -> None:
    """Keep values for a key; a cache that cannot be written is no reason to stop."""
    path = cache_folder() / folder / f"{cache_key(key)}.json"
    try:
        make_folder(path.parent)
        write_json(path, {"key": json.loads(json.dumps(key, default=str)), "value": dict(value)})
    except MtlError:
        return
