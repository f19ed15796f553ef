"""tract: runs our ONNX file in Rust, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tract

_TYPES = {"float32": "f32", "int64": "i64", "uint8": "u8"}


def version() -> str:
    """Return tract's version."""
    return str(tract.version())


def open_model(
    folder: Path, facts: Mapping[str, Any]
) -> tuple[Callable[[list[Any]], list[Any]], dict[str, Any]]:
    """Open `model.onnx`; for each batch anew, as tract resizes nothing whose batch it does not know."""
    opened: dict[int, Any] = {}

    def run(feed: list[Any]) -> list[Any]:
        batch = len(feed[0])
        if batch not in opened:
            opened[batch] = _runnable(folder / "model.onnx", feed, len(facts["outputs"]))
        return [answer.to_numpy() for answer in opened[batch].run(feed)]

    return run, {}


def _runnable(path: Path, feed: list[Any], outputs: int) -> Any:
    model = tract.onnx().load(path)
    for at, value in enumerate(feed):
        model.set_input_fact(at, ",".join([*map(str, value.shape), _TYPES[str(value.dtype)]]))
    for at in range(outputs):
        # The file says that its batch is any; what is known follows from the inputs.
        model.set_output_fact(at, None)
    return model.into_model().into_runnable()
