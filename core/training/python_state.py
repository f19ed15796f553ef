"""What a component keeps in Python: a replay of a graph would not change it, nor read it again."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_DEEPEST = 6
"""How far objects are looked into: a component's own state lies near its surface."""


def python_state(keepers: Iterable[object]) -> list[Any]:
    """Return which memory the keepers' tensors lie in, and the content of everything else that they hold.

    Two states are equal where nothing was replaced and no plain value, array, container, generator of random
    numbers or object among them changed. What tensors hold may change: a replay changes it too.

    >>> class Counter:
    ...     count = 0
    >>> counter = Counter()
    >>> counter.seen = {"rows": [1, 2]}
    >>> before = python_state([counter])
    >>> counter.seen["rows"].append(3)
    >>> before == python_state([counter])
    False
    """
    return [
        (type(owner).__name__, name, _fingerprint(value, 0, set()))
        for keeper in keepers
        for owner in (keeper.modules() if isinstance(keeper, nn.Module) else (keeper,))
        for name, value in _attributes(owner)
    ]


def _attributes(owner: object) -> Iterator[tuple[str, Any]]:
    if isinstance(owner, nn.Module):
        for part in (vars(owner), owner._parameters, owner._buffers):
            yield from ((name, value) for name, value in part.items() if name not in _OF_TORCH)
    else:
        yield from getattr(owner, "__dict__", {}).items()
        for kind in type(owner).__mro__:
            slots = vars(kind).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(owner, name):
                    yield name, getattr(owner, name)


_OF_TORCH = ("_parameters", "_buffers", "_modules")


def _fingerprint(value: Any, depth: int, seen: set[int]) -> Any:
    if isinstance(value, Tensor):
        return value.data_ptr()
    if isinstance(value, int | float | complex | str | bytes | bool | None):
        return value
    if isinstance(value, np.ndarray):
        return (value.shape, str(value.dtype), _digest(value))
    if (drawn := _drawn(value)) is not None:
        return drawn
    if id(value) in seen or depth == _DEEPEST:
        return id(value)
    seen = seen | {id(value)}
    if isinstance(value, Mapping):
        return {repr(key): _fingerprint(item, depth + 1, seen) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(repr(item) for item in value)
    if _is_container(value):
        return [_fingerprint(item, depth + 1, seen) for item in value]
    if isinstance(value, nn.Module | type) or callable(value):
        # A module inside of another is a keeper's own; a function has nothing that a step changes.
        return id(value)
    parts = dict(_attributes(value))
    return (id(value), _fingerprint(parts, depth + 1, seen)) if parts else id(value)


def _is_container(value: Any) -> bool:
    """Whether it can be walked through again and again, as lists, tuples and deques can."""
    return hasattr(value, "__len__") and hasattr(value, "__iter__") and not isinstance(value, nn.Module)


def _drawn(value: Any) -> Any:
    """Return how far a generator of random numbers has come; None for anything else."""
    if isinstance(value, random.Random):
        return hash(value.getstate())
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return repr(value.get_state(legacy=False))
    if isinstance(value, torch.Generator):
        # Those of a CUDA device may be registered with the graph, which moves them.
        return _digest(value.get_state().numpy()) if value.device.type == "cpu" else id(value)
    return None


def _digest(values: np.ndarray[Any, Any]) -> str:
    if values.dtype.hasobject:
        return repr(values.tolist())
    return blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).hexdigest()
