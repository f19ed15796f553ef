"""A torch model that computes as its eight-bit file will: what the layers read, hold and make is rounded.

Scales and zero points are those of `int8.py`: of a layer's weights one step per channel, of seven bits; of
what it reads and makes uint8 of the range seen on the calibration samples. Gradients pass through the
rounding, and are none where a number leaves the range (a straight-through estimator). A normalisation behind
a convolution is part of it in the file, so what is rounded is what the normalisation makes. Products of two
computed values, as in attention, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .derivation import STEP
from .ranges import Range

_AXES: Mapping[Any, int] = {
    functional.linear: 0,
    functional.conv1d: 0,
    functional.conv2d: 0,
    functional.conv3d: 0,
    functional.conv_transpose1d: 1,
    functional.conv_transpose2d: 1,
    functional.conv_transpose3d: 1,
}
"""The layers that are rounded, and the axis of their weights that has a step for each channel."""

_LOWEST, _HIGHEST = -64, 64
_STEPS = 255
_TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class RoundedLayer:
    """The ranges of what a layer reads and makes; `normalised`: what the normalisation behind it makes."""

    read: Range
    made: Range
    normalised: bool = False


Layers = Mapping[int, RoundedLayer]
"""By the identity of the layer's weights."""


def seen_layers(model: nn.Module, run: Callable[[], object]) -> Layers:
    """Return the layers that `run` goes through, with the ranges of the numbers that it shows them."""
    mode = _Seeing({id(parameter) for parameter in model.parameters()})
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), mode:
            run()
    finally:
        model.train(training)
    return mode.found


@contextmanager
def rounded(layers: Layers) -> Iterator[None]:
    """Let these layers compute in eight bits, within this block."""
    with _Rounding(layers):
        yield


class _Layers(TorchFunctionMode):
    """Meets layers as they are called, and the normalisation that follows one."""

    def __init__(self) -> None:
        super().__init__()
        self._last: tuple[Tensor | None, int] = (None, 0)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _AXES and len(args) > 1 and self.knows(id(args[1])):
            made = self.layer(func, id(args[1]), args, kwargs)
            self._last = (made, id(args[1]))
            return made
        found = func(*args, **kwargs)
        if func is functional.batch_norm and args and args[0] is self._last[0]:
            return self.normalised(self._last[1], found)
        return found

    def knows(self, weights: int) -> bool:
        """Whether a layer with these weights is one of those that matter."""
        raise NotImplementedError

    def layer(self, func: Any, weights: int, args: Any, kwargs: Any) -> Tensor:
        """Return what a layer makes."""
        raise NotImplementedError

    def normalised(self, weights: int, made: Tensor) -> Tensor:
        """Return what the normalisation behind a layer makes of it."""
        raise NotImplementedError


class _Seeing(_Layers):
    """Notes the ranges."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self._weights = weights
        self.found: dict[int, RoundedLayer] = {}

    def knows(self, weights: int) -> bool:
        return weights in self._weights

    def layer(self, func: Any, weights: int, args: Any, kwargs: Any) -> Tensor:
        made: Tensor = func(*args, **kwargs)
        seen = RoundedLayer(_range(args[0]), _range(made))
        if before := self.found.get(weights):
            made_before = before.made if before.normalised else seen.made.joined(before.made)
            seen = RoundedLayer(seen.read.joined(before.read), made_before, before.normalised)
        self.found[weights] = seen
        return made

    def normalised(self, weights: int, made: Tensor) -> Tensor:
        before, seen = self.found[weights], _range(made)
        seen = seen.joined(before.made) if before.normalised else seen
        self.found[weights] = RoundedLayer(before.read, seen, normalised=True)
        return made


class _Rounding(_Layers):
    """Rounds."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self._known = layers

    def knows(self, weights: int) -> bool:
        return weights in self._known

    def layer(self, func: Any, weights: int, args: Any, kwargs: Any) -> Tensor:
        known = self._known[weights]
        read = rounded_to(args[0], known.read)
        made: Tensor = func(read, rounded_weights(args[1], _AXES[func]), *args[2:], **kwargs)
        return made if known.normalised else rounded_to(made, known.made)

    def normalised(self, weights: int, made: Tensor) -> Tensor:
        return rounded_to(made, self._known[weights].made)


def _range(value: Tensor) -> Range:
    low, high = torch.aminmax(value)
    return Range(float(low), float(high))


def rounded_to(value: Tensor, seen: Range) -> Tensor:
    """Return numbers in uint8 steps of a range, zero included.

    >>> rounded_to(torch.tensor([-1.0, 0.0, 0.3, 99.0]), Range(0.0, 255.0))
    tensor([ 0.,  0.,  0., 99.])
    """
    lowest, highest = min(seen.lowest, 0.0), max(seen.highest, 0.0)
    step = (highest - lowest) / _STEPS
    if not _TINY <= step < float("inf"):
        return value
    zero = round(-lowest / step)
    return torch.fake_quantize_per_tensor_affine(value, step, zero, 0, _STEPS)


def rounded_weights(weights: Tensor, axis: int) -> Tensor:
    """Return weights in steps of seven bits, each channel along an axis in its own.

    >>> rounded_weights(torch.tensor([[64.0, 0.6], [6.4, 0.26]]), 0)
    tensor([[64.0000,  1.0000],
            [ 6.4000,  0.3000]])
    """
    others = [at for at in range(weights.dim()) if at != axis]
    steps = weights.detach().abs().amax(dim=others).mul(STEP)
    steps = torch.where(steps < _TINY, torch.ones_like(steps), steps)
    zeros = torch.zeros_like(steps, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weights, steps, zeros, axis, _LOWEST, _HIGHEST)
