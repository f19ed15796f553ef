"""How a training is computed, as opposed to what: nothing here changes results by more than rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Execution:
    """The way of computing that a run has settled on; a resumed run goes on in the same way.

    `channels_last` stores images and convolutions with the channels innermost; `milliseconds` is what a
    trial measured for one step in each memory format, empty when there was no trial.
    """

    channels_last: bool = False
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory format of four-dimensional tensors."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def to_json(self) -> dict[str, Any]:
        """Return it as the run folder keeps it."""
        return {"channels_last": self.channels_last, "milliseconds": dict(self.milliseconds)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Execution:
        """Return what `to_json` gave; what a run does not say was as in earlier versions."""
        return cls(bool(value.get("channels_last", False)), dict(value.get("milliseconds", {})))
