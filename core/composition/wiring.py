"""Which tasks read the same features, and what these are made of, whatever the sharing scheme does inside."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .composition import Composition

_MOST = 12
"""Encoders that are looked for in features: each takes a pass of its own."""

Read = dict[str, tuple[Tensor, ...]]


@dataclass(frozen=True)
class Stage:
    """A stage of the encoder: tasks in groups that read the very same features.

    `made_of` has for each group the encoders, by position, whose numbers are in its features.
    """

    groups: tuple[tuple[str, ...], ...]
    made_of: tuple[frozenset[int], ...]

    def mixed(self, one: int, other: int) -> bool:
        """Return whether two groups read different features that are made of the same encoder."""
        return bool(self.made_of[one] & self.made_of[other])


def wiring(composition: Composition) -> tuple[Stage, ...]:
    """Return who reads what of the encoder's stages, as two samples tell; the model is left as it was.

    What is made of an encoder is seen by letting it say "not a number": whatever is computed from that is
    none either.
    """
    model = composition.model
    training = model.training
    model.eval()
    try:
        with composition.at_work("while it was looked at who reads what"), torch.no_grad():
            image, inputs = composition.two_samples()
            given = (*model.encoded(image, inputs), model.tasks)
            read: Read = model.sharing(*given)
            # In a copy: of a layer that has two names not all weights would come back.
            sharing, encoders = deepcopy((model.sharing, tuple(composition.encoders)))
            spoilt = [_spoilt(sharing, encoder, given) for encoder in encoders[:_MOST]]
    finally:
        model.train(training)
    return tuple(_stage(place, read, spoilt) for place in range(max(map(len, read.values()))))


def _spoilt(sharing: nn.Module, encoder: nn.Module, given: tuple[Any, ...]) -> Read:
    """Return what is read while none of an encoder's weights is a number."""
    kept = {parameter: parameter.detach().clone() for parameter in encoder.parameters()}
    for parameter in kept:
        parameter.fill_(torch.nan)
    read: Read = sharing(*given)
    for parameter, value in kept.items():
        parameter.copy_(value)
    return read


def _stage(place: int, read: Read, spoilt: Sequence[Read]) -> Stage:
    groups: dict[int, list[str]] = {}
    for task, features in read.items():
        if place < len(features):
            groups.setdefault(id(features[place]), []).append(task)
    made_of = [
        frozenset(encoder for encoder, made in enumerate(spoilt) if bool(made[group[0]][place].isnan().any()))
        for group in groups.values()
    ]
    return Stage(tuple(map(tuple, groups.values())), tuple(made_of))
