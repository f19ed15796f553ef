"""A second pass over a step's batch, after the update, under the conditions of the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class SecondPass:
    """Remembers torch's generators before the first forward pass, so that dropout hides the same units again.

    The pass in between leaves no trace: batch-norm statistics and generators are put back afterwards.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._model = model
        self._generators = [torch.default_generator]
        if device.type == "cuda":
            self._generators.append(torch.cuda.default_generators[device.index or 0])
        self._states = self._draws()

    @contextmanager
    def same_conditions(self) -> Iterator[None]:
        """Compute without gradients, with the random numbers of the first pass."""
        buffers = list(self._model.buffers())
        kept = [buffer.clone() for buffer in buffers]
        after = self._draws()
        self._rewind(self._states)
        with torch.no_grad():
            yield
            for buffer, value in zip(buffers, kept, strict=True):
                buffer.copy_(value)
        self._rewind(after)

    def _draws(self) -> list[torch.Tensor]:
        return [found.get_state() for found in self._generators]

    def _rewind(self, states: list[torch.Tensor]) -> None:
        for found, state in zip(self._generators, states, strict=True):
            found.set_state(state)
