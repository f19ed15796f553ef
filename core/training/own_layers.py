"""Torch's own generators, from which layers draw, as one training among several has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class OwnLayers:
    """Generators of one training that take the place of torch's own while it is at work.

    Dropout and the like know no others. On CUDA the device's generator is given another state, not another
    seed: a graph that is captured then goes on drawing from that state.
    """

    def __init__(self, device: torch.device) -> None:
        self._host = torch.Generator()
        self._index = device.index or 0
        self.generator = torch.Generator(device) if device.type == "cuda" else None

    def seed(self, value: int) -> None:
        """Seed them, as torch's own would be."""
        self._host.manual_seed(value)
        if self.generator is not None:
            self.generator.manual_seed(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let what is done in this block draw from them; torch's own are left as they were."""
        before = torch.default_generator.get_state()
        torch.default_generator.set_state(self._host.get_state())
        try:
            with self._on_the_device():
                yield
        finally:
            self._host.set_state(torch.default_generator.get_state())
            torch.default_generator.set_state(before)

    @contextmanager
    def _on_the_device(self) -> Iterator[None]:
        if self.generator is None:
            yield
            return
        usual = torch.cuda.default_generators[self._index]
        before = usual.graphsafe_get_state()
        usual.graphsafe_set_state(self.generator.graphsafe_get_state())
        try:
            yield
        finally:
            usual.graphsafe_set_state(before)
