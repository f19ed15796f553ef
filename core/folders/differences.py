"""Where two descriptions of the same kind part, in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_FEW = 5
"""So many values of a list are read at one glance."""


def without_later(here: Any, known: Any, written: Any) -> Any:
    """Return a description without the entries that neither an older one nor its file has: they came later.

    >>> without_later({"name": "onnx", "new": 0.5}, {"name": "onnx"}, {"name": "onnx"})
    {'name': 'onnx'}
    >>> without_later({"name": "onnx", "new": 0.5}, {"name": "onnx"}, {"name": "onnx", "new": 0.5})
    {'name': 'onnx', 'new': 0.5}
    """
    if isinstance(here, list) and isinstance(known, list) and len(here) == len(known):
        texts = written if isinstance(written, list) and len(written) == len(here) else [None] * len(here)
        return [without_later(*parts) for parts in zip(here, known, texts, strict=True)]
    if not isinstance(here, Mapping) or not isinstance(known, Mapping):
        return here
    text = written if isinstance(written, Mapping) else {}
    return {
        key: without_later(value, known.get(key), text.get(key))
        for key, value in here.items()
        if key in known or key in text
    }


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
