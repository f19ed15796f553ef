"""Which tasks read the same features, and what these are made of, whatever the sharing scheme does inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call

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
        with composition.at_work("while it was looked at who reads what"), torch.inference_mode():
            image, inputs = composition.two_samples()
            given = (*model.encoded(image, inputs), model.tasks)
            read: Read = model.sharing(*given)
            spoilt = [
                functional_call(model.sharing, _spoilt(composition, place), given)
                for place in range(min(_MOST, len(composition.encoders)))
            ]
    finally:
        model.train(training)
    return tuple(_stage(place, read, spoilt) for place in range(max(map(len, read.values()))))


def _spoilt(composition: Composition, place: int) -> dict[str, Tensor]:
    """Return the numbers of one encoder by their names in the sharing scheme, none of them a number."""
    own = {id(parameter) for parameter in composition.encoders[place].parameters()}
    return {
        name: torch.full_like(parameter, torch.nan)
        for name, parameter in composition.model.sharing.named_parameters()
        if id(parameter) in own
    }


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
