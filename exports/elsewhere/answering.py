"""Answers in another runtime, of a folder for it or of our ONNX file, as of that file in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from ...core.base.errors import UsageError, suggest
from ...core.discovery.answer_forms import Forms
from ..inference import AGAIN, ExportedModel
from ..model_file import read_model
from ..session import ALLOWED, allowed, run_options
from .environment import existing_python
from .onnx_file import OnnxElsewhere
from .opened import Elsewhere, runtime_named
from .process import PATIENCE, WorkerError
from .runtime import RUNTIMES_ELSEWHERE

HERE = "onnxruntime"
"""The runtime that this process runs files in."""


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
            title = self._opened.runtime.title
            raise UsageError(f"{self.path} cannot be run in {title}: {error}", hint=AGAIN) from None


class OnnxModelElsewhere(ExportedModel):
    """An ONNX file that answers in another runtime that reads it; opened and checked here first.

    Raises `UsageError` when that runtime does not open it, and `MissingRequirementError` where it is not
    there.
    """

    def __init__(
        self, path: Path, runtime: str, *, memory: int = ALLOWED, forms: Forms | None = None
    ) -> None:
        super().__init__(path, memory=memory, forms=forms)
        self._named = RUNTIMES_ELSEWHERE[runtime]
        data = read_model(path)
        with self._asked("opened"):
            self._opened = OnnxElsewhere(runtime, data, allowed(data, memory))

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        try:
            yield
        except WorkerError as error:
            if error.memory:
                raise self._too_large() from None
            raise UsageError(f"{self.path} cannot be {what} in {self._named.title}: {error}") from None

    def stop(self) -> None:
        """End the runtime's process."""
        self._opened.stop()

    @property
    def runtime(self) -> str:
        return f"{self._named.name} {self._opened.version}"

    def times(self, feed: Mapping[str, NDArray[Any]], seconds: float) -> list[float]:
        """Return the seconds of each of many calls, measured in the runtime's process."""
        with self._asked("measured"):
            return self._opened.times(feed, seconds, PATIENCE)

    def _computed(self, feed: Mapping[str, NDArray[Any]], options: RunOptions) -> dict[str, NDArray[Any]]:
        with self._asked("run"):
            return self._opened.run(feed)


def open_export(path: Path, memory: int, forms: Forms | None, runtime: str = HERE) -> ExportedModel:
    """Open an ONNX file in a runtime, or a folder for another one there, whichever a path leads to."""
    if path.is_dir() and runtime_named(path):
        return ModelElsewhere(path, memory=memory, forms=forms)
    if runtime != HERE:
        return OnnxModelElsewhere(path, runtime, memory=memory, forms=forms)
    return ExportedModel(path, memory=memory, forms=forms)


def check_onnx_runtime(name: str) -> str:
    """Return the name of a runtime that opens ONNX files; raise `UsageError` for another one.

    Raises `MissingRequirementError` when it is not installed.
    """
    if name == HERE:
        return name
    able = [runtime.name for runtime in RUNTIMES_ELSEWHERE.values() if runtime.reads_onnx]
    if name not in able:
        found = RUNTIMES_ELSEWHERE.get(name)
        hint = f"export for it, and measure the folder: mtl export RUN --format {name}" if found else None
        hint = hint or suggest(name, [HERE, *able], "runtimes")
        raise UsageError(f"ONNX files are not measured in {name!r}", hint=hint)
    existing_python(RUNTIMES_ELSEWHERE[name])
    return name
