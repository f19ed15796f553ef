"""Where two descriptions of the same kind part, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def difference(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return the first place where `wanted` differs from `known`, and both values there; JSON values all.

    >>> difference({"seed": 1, "train": {"epochs": 3}}, {"seed": 1, "train": {"epochs": 5}})
    'train: epochs 3 there, 5 here'
    """
    for key, value in wanted.items():
        other = known.get(key)
        if other == value:
            continue
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            return f"{key}: {difference(other, value)}"
        return f"{key} {_short(other)} there, {_short(value)} here"
    return "something is left out here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
