"""What encoders that take their networks from a library have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from ...core.base.errors import Incompatible, described, did_you_mean
from ...core.contracts import Encoder
from ...core.contracts.preparation import Interpolation
from ...core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from .families.pieces import Stages, joined, shown

COLOURS = 3
"""Channels that the libraries' networks read."""

WeightsChoice = Annotated[
    Literal["none", "pretrained"] | Path,
    Field(
        description="Where training starts: none (drawn at random), pretrained (the library's own, from its "
        "cache or the network), or a file: .safetensors, or .pth without code."
    ),
]
Arguments = Annotated[
    dict[str, Any] | None,
    Field(description="Passed to the library's own constructor of the network, such as drop_path_rate."),
]
"""The options that these encoders share, for their signatures."""


class LibraryEncoder(Encoder):
    """An encoder whose stages are those of a library's network, which it runs as the library does.

    Pictures of one channel are shown to the network as three equal ones, so that weights for colours serve
    them as they are.
    """

    def __init__(self, image: ImageSpec, inputs: Sequence[InputSpec]) -> None:
        super().__init__()
        if (reason := self.accepts(image, inputs)) is not None:
            raise Incompatible(reason)
        self.image = image

    @classmethod
    def accepts(cls, image: ImageSpec, inputs: Sequence[InputSpec]) -> str | None:
        """Return why the image cannot be served (neither grey nor coloured), or None."""
        if image.channels in (1, COLOURS):
            return None
        return f"reads pictures of 1 or {COLOURS} channels, got {image.channels}"

    def forward_stage(self, index: int, features: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        if index == 0:
            features = features.expand(-1, COLOURS, -1, -1)
        output: Tensor = self.stages[index](features)
        return output

    def tap(self, index: int, features: Tensor) -> Tensor:
        return shown(self.stages[index], features)

    def take(self, stages: Stages) -> None:
        """Make these the encoder's stages; raise `Incompatible` when they cannot run on its image."""
        self.stages = joined(stages)
        self.feature_specs = tuple(FeatureSpec(*shape) for shape in self._shapes())

    def _takes(self, height: int, width: int) -> bool:
        """Return whether the network can be made and run for a size, without computing anything."""
        try:
            with torch.device("meta"):
                self._network(height, width).eval()(torch.zeros(1, COLOURS, height, width))
        except Exception:  # whatever a network raises at a size, it does not take it
            return False
        return True

    def _network(self, height: int, width: int) -> Any:
        """Return the library's network for a size, whole; a subclass says how it is made."""
        raise NotImplementedError

    def _shapes(self) -> list[tuple[int, ...]]:
        training = self.stages.training
        self.stages.eval()
        with torch.no_grad():
            outputs = self(torch.zeros(1, *self.image.shape), {})
        self.stages.train(training)
        return [tuple(output.shape[1:]) for output in outputs]


def known_interpolation(named: str) -> Interpolation | None:
    """Return the interpolation of this name, None where pictures are not prepared with it."""
    return next((known for known in get_args(Interpolation) if known == named), None)


def refuse_unknown(model: str, known: Sequence[str], kind: str) -> None:
    """Raise `Incompatible` for a model that a library does not have, with those of nearly its name."""
    if model not in known:
        near = did_you_mean(model, known) or f"mtl list encoder '{kind}:*' lists them"
        raise Incompatible(f"has no model {model!r}: {near}")


def refuse_set(arguments: Mapping[str, Any], own: frozenset[str]) -> None:
    """Raise `Incompatible` for arguments that the encoder sets itself."""
    for name in arguments:
        if name in own:
            raise Incompatible(f"sets {name!r} itself: leave it out of arguments")


def size_refusal(
    model: str, image: ImageSpec, error: Exception, takes: Callable[[int, int], bool], own: tuple[int, int]
) -> Incompatible:
    """Return the refusal of an image's size, with sizes near it and the weights' own that it `takes`."""
    near = sorted({(side(image.height), side(image.width)) for side in (_below, _above)})
    found = [f"{high} x {wide}" for high, wide in dict.fromkeys([*near, own]) if takes(high, wide)]
    can = f"; it takes {', '.join(found)}" if found else ""
    return Incompatible(
        f"model {model!r} takes no pictures of {image.height} x {image.width}{can} ({described(error)})"
    )


STEP = 32
"""Sides that are multiples of it suit the halvings, patches and windows of nearly all networks."""


def _below(side: int) -> int:
    return max(STEP, side // STEP * STEP)


def _above(side: int) -> int:
    return -(-side // STEP) * STEP
