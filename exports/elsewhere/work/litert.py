"""LiteRT: from a program of torch.export to a flat buffer, and run on the CPU one sample at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def version() -> str:
    """Return LiteRT's version."""
    return metadata.version("ai-edge-litert")


def convert(source: Path, folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.tflite`; outputs have the names of the ONNX file's, inputs are `args_0` and so on."""
    import litert_torch
    import torch

    program = torch.export.load(source)
    example = tuple(torch.zeros((1, *shape), dtype=getattr(torch, dtype)) for shape, dtype in facts["shapes"])
    litert_torch.convert(program.module(), example).export(str(folder / "model.tflite"))
    return {"batch": 1}


def open_model(
    folder: Path, facts: Mapping[str, Any]
) -> tuple[Callable[[list[Any]], list[Any]], dict[str, Any]]:
    """Open `model.tflite`."""
    content = (folder / "model.tflite").read_bytes()
    if not content:
        raise ValueError("model.tflite is empty")
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    inputs = runner.get_input_details()
    types = [inputs[f"args_{at}"]["dtype"] for at in range(len(facts["inputs"]))]

    def run(feed: list[Any]) -> list[Any]:
        rows = []
        for row in range(len(feed[0])):
            # Whole numbers are of 32 bits there.
            given = {f"args_{at}": value[row : row + 1].astype(types[at]) for at, value in enumerate(feed)}
            found = runner(**given)
            rows.append([np.array(found[name]) for name in facts["outputs"]])
        return [np.concatenate(column) for column in zip(*rows, strict=True)]

    return run, {}
