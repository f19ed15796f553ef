"""The user's cache folder: what can be made again from its sources, and is kept because making takes time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .errors import UsageError
from .files import sha256
from .places import from_root


def cache_folder() -> Path | None:
    """Return the folder: `MTL_CACHE_DIR`, else `mtl` in the user's cache (`XDG_CACHE_HOME` or `~/.cache`).

    None when nobody knows where the user is at home: then nothing is kept.
    """
    chosen = os.environ.get("MTL_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else from_root(Path("~/.cache"))) / "mtl"
    except UsageError:
        return None


def cache_key(value: Any) -> str:
    """Return a name for what was made from these JSON values: another value, another name.

    >>> cache_key({"a": 1}) == cache_key({"a": 1}) != cache_key({"a": 2})
    True
    """
    return sha256(json.dumps(value, sort_keys=True, default=str).encode())[:32]
