"""What adds up the batches of a metric without torchmetrics, in the form that `Adapter` knows from there."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Counter(nn.Module):
    """Sums over batches, in buffers that follow to a device; `update_called` says whether there was any."""

    def __init__(self, **sums: Tensor) -> None:
        super().__init__()
        for name, zero in sums.items():
            self.register_buffer(name, zero, persistent=False)
        self.update_called = False

    @property
    def metric_state(self) -> dict[str, Tensor]:
        """The sums by name."""
        return dict(self.named_buffers())

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch."""
        self.update_called = True
        with torch.no_grad():
            self.add(prediction, target)

    def add(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch to the sums, in place."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """Return the value over everything added."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget everything added."""
        self.update_called = False
        for total in self.buffers():
            total.zero_()
