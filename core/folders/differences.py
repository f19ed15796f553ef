"""Where two descriptions of the same kind part, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_FEW = 5
"""So many values of a list are read at one glance."""


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
        if isinstance(value, list) and isinstance(other, list) and len(value) == len(other) > _FEW:
            place = next(
                index for index, pair in enumerate(zip(other, value, strict=True)) if pair[0] != pair[1]
            )
            return f"{key}: number {place + 1} {_short(other[place])} there, {_short(value[place])} here"
        return f"{key} {_short(other)} there, {_short(value)} here"
    return "something is left out here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
