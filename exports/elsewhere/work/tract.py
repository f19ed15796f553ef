"""tract: runs our ONNX file in Rust, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tract


def version() -> str:
    """Return tract's version."""
    return str(tract.version())


def open_model(
    folder: Path, facts: Mapping[str, Any]
) -> tuple[Callable[[list[Any]], list[Any]], dict[str, Any]]:
    """Open `model.onnx`."""
    runnable = tract.onnx().load(folder / "model.onnx").into_model().into_runnable()

    def run(feed: list[Any]) -> list[Any]:
        return [answer.to_numpy() for answer in runnable.run(feed)]

    return run, {}
