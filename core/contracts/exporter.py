"""The contract of an exporter: writes a model for another runtime and proves that it computes the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..specs import ImageSpec, InputSpec, TargetSpec


@dataclass(frozen=True)
class ExportSubject:
    """What is exported: a trained model, its inputs and outputs, and real samples to prove it on.

    `model(image, inputs)` takes float32 `[B, C, H, W]` in 0..1 and a dict of int64 `[B]`, and returns the
    raw output of each task by name. `targets` are in output order. `samples` holds `image` (uint8
    `[N, C, H, W]`) and each extra input (int64 `[N]`). `metadata` is JSON, kept inside the file.
    """

    model: nn.Module
    image: ImageSpec
    inputs: tuple[InputSpec, ...]
    targets: Mapping[str, TargetSpec]
    samples: Mapping[str, NDArray[np.generic]]
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class ExportReport:
    """A published export: its files (the model first) and the verification that let it pass."""

    files: tuple[Path, ...]
    verification: Mapping[str, Any]


class Exporter(ABC):
    """An exporter; its constructor takes keyword-only options.

    `suffix` is the file name ending of what it writes.
    """

    suffix: str

    @abstractmethod
    def export(self, subject: ExportSubject, path: Path) -> ExportReport:
        """Write the model to `path` and publish it only when it is verified.

        Raises `VerificationError`, and leaves nothing at `path`, when it does not compute the same numbers.
        """

    @abstractmethod
    def verify(self, subject: ExportSubject, path: Path) -> Mapping[str, Any]:
        """Compare an existing export with the model; raise `VerificationError` when they differ."""
