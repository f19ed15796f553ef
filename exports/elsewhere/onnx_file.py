"""Our own ONNX file, run in another runtime that reads it, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from .environment import existing_python
from .process import Worker, feed_of
from .runtime import RUNTIMES_ELSEWHERE


class OnnxElsewhere:
    """An ONNX file that a runtime has opened; what it cannot do is a `WorkerError`."""

    def __init__(self, runtime: str, data: bytes, memory: int = 0) -> None:
        import onnx  # predicting in onnxruntime needs neither onnx nor torch

        found = RUNTIMES_ELSEWHERE[runtime]
        graph = onnx.load_model_from_string(data).graph
        self.inputs = [value.name for value in graph.input]
        self.outputs = [value.name for value in graph.output]
        self._worker = Worker(found, existing_python(found))
        (self._worker.place / "model.onnx").write_bytes(data)
        facts = {"inputs": self.inputs, "outputs": self.outputs}
        self._worker.open(self._worker.place, facts, memory)

    @property
    def version(self) -> str:
        """The version of the runtime."""
        return self._worker.version

    def run(self, feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the outputs by name."""
        return self._worker.run(feed_of(self.inputs, feed), self.outputs)

    def times(self, feed: Mapping[str, NDArray[Any]], seconds: float, limit: float) -> list[float]:
        """Return the seconds of each of many calls."""
        return self._worker.times(feed_of(self.inputs, feed), seconds, limit)

    def stop(self) -> None:
        """End the runtime's process, whatever it is doing."""
        self._worker.stop()

    def close(self) -> None:
        """End the runtime's process."""
        self._worker.close()
