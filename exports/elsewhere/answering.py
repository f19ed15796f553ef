"""Answers from a folder for another runtime, as from an ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from ...core.discovery.answer_forms import Forms
from ..inference import ExportedModel
from ..session import ALLOWED, run_options
from .opened import Elsewhere, runtime_named
from .process import PATIENCE, WorkerError


class ModelElsewhere(ExportedModel):
    """A published folder that answers as `ExportedModel` does, in its own runtime.

    Raises as `Elsewhere` does, and `VerificationError` when the model has another interface than it says.
    """

    def __init__(self, path: Path, *, memory: int = ALLOWED, forms: Forms | None = None) -> None:
        self.path = path
        self._memory = memory
        self._options = run_options()
        self._opened = Elsewhere(path, name=str(path), memory=memory, forms=forms)
        self._opened.check_interface()
        self.card = self._opened.card
        self._names = self._opened.outputs

    def stop(self) -> None:
        """End the runtime's process."""
        self._opened.stop()

    @property
    def runtime(self) -> str:
        return f"{self._opened.runtime.name} {self._opened.version}"

    @property
    def size(self) -> int:
        return len(self._opened.data)

    def raw_runner(self) -> Callable[[Mapping[str, NDArray[Any]]], list[NDArray[np.float32]]]:
        """Return the runtime's own call, with what it costs to ask its process."""
        return lambda feed: list(self._opened.infer(feed).values())

    def times(self, feed: Mapping[str, NDArray[Any]], seconds: float) -> list[float]:
        """Return the seconds of each of many calls, measured in the runtime's process."""
        return self._opened.times(feed, seconds, PATIENCE)

    def _computed(self, feed: Mapping[str, NDArray[Any]], options: RunOptions) -> dict[str, NDArray[Any]]:
        try:
            return self._opened.infer(feed)
        except WorkerError as error:
            if error.memory:
                raise self._too_large() from None
            raise


def open_export(path: Path, memory: int, forms: Forms | None) -> ExportedModel:
    """Open an ONNX file, or a folder for another runtime, whichever a path leads to."""
    if path.is_dir() and runtime_named(path):
        return ModelElsewhere(path, memory=memory, forms=forms)
    return ExportedModel(path, memory=memory, forms=forms)
