"""A table from class index to another whole number, kept on every device it was used on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...core.contracts.batch import MISSING


class Lookup:
    """Replaces class indices int64 `[B]` by `values[index]`; an absent label stays absent.

    >>> Lookup([10, 20])(torch.tensor([1, 0, -1])).tolist()
    [20, 10, -1]
    """

    def __init__(self, values: Sequence[int]) -> None:
        self._host = torch.tensor(values, dtype=torch.int64)
        self._tables: dict[torch.device, Tensor] = {}

    def __call__(self, label: Tensor) -> Tensor:
        # Copied to a device once: a copy from the host inside a training step would wait for the device.
        table = self._tables.get(label.device)
        if table is None:
            table = self._tables[label.device] = self._host.to(label.device)
        return torch.where(label == MISSING, MISSING, table[label.clamp(min=0)])
