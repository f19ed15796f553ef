"""Tensors in nests of containers and data classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor


def tensors_in(nest: object) -> list[Tensor]:
    """Return the tensors in a nest of mappings, tuples, lists and data classes, always in the same order.

    >>> import torch
    >>> len(tensors_in({"one": torch.ones(2), "more": [torch.ones(1), (torch.ones(3), "text")]}))
    3
    """
    return list(_walk(nest))


def changed(nest: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return the nest with `change(tensor)` in the place of every tensor; all else stays as it is.

    >>> import torch
    >>> changed({"one": (torch.ones(2), "text")}, lambda tensor: tensor + 1)
    {'one': (tensor([2., 2.]), 'text')}
    """
    if isinstance(nest, Tensor):
        return change(nest)
    if isinstance(nest, Mapping):
        return {key: changed(value, change) for key, value in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*(changed(value, change) for value in nest))
    if isinstance(nest, tuple | list):
        return type(nest)(changed(value, change) for value in nest)
    if is_dataclass(nest) and not isinstance(nest, type):
        return replace(
            nest, **{part.name: changed(getattr(nest, part.name), change) for part in fields(nest)}
        )
    return nest


def _walk(nest: object) -> Iterator[Tensor]:
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, Mapping):
        for value in nest.values():
            yield from _walk(value)
    elif isinstance(nest, tuple | list):
        for value in nest:
            yield from _walk(value)
    elif is_dataclass(nest) and not isinstance(nest, type):
        for part in fields(nest):
            yield from _walk(getattr(nest, part.name))
