"""A running mean of a model's weights, which is judged and kept in their stead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential mean of a model's parameters, and of the numbers its layers keep, over the updates.

    After `n` updates the decay is `min(decay, (1 + n) / (10 + n))`, so that the weights at the start are soon
    forgotten (TensorFlow's `ExponentialMovingAverage` with `num_updates`). Nothing is read back.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        named = [*model.named_parameters(), *model.named_buffers()]
        self._live = {name: tensor.detach() for name, tensor in named if tensor.is_floating_point()}
        self._kept = {name: tensor.clone() for name, tensor in self._live.items()}
        self._decay = decay
        self._updates = torch.zeros((), device=next(iter(self._live.values())).device)

    @torch.no_grad()
    def __call__(self, skip: Tensor) -> None:
        """Take note of an update; where `skip` (a scalar) is 1 there was none."""
        decay = ((1 + self._updates) / (10 + self._updates)).clamp(max=self._decay)
        kept = list(self._kept.values())
        steps = torch._foreach_sub(list(self._live.values()), kept)
        torch._foreach_mul_(steps, (1 - decay) * (1 - skip))
        torch._foreach_add_(kept, steps)
        self._updates.add_(1.0).sub_(skip)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model have the mean in this block, and its own weights again afterwards."""
        own = [tensor.clone() for tensor in self._live.values()]
        self._write(self._kept.values())
        try:
            yield
        finally:
            self._write(own)

    def tensors(self) -> dict[str, Tensor]:
        """Return the state by name, of the model's tensors and `updates`."""
        return {f"model.{name}": tensor for name, tensor in self._kept.items()} | {"updates": self._updates}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `tensors` returned."""
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])

    @torch.no_grad()
    def _write(self, values: Iterable[Tensor]) -> None:
        for tensor, value in zip(self._live.values(), values, strict=True):
            tensor.copy_(value)
