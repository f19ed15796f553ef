"""OpenVINO: from ONNX to its intermediate representation, in float32, and run on the CPU."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

# It would send what is called, from a process of its own that may outlive this one.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
import openvino  # noqa: E402


def version() -> str:
    """Return OpenVINO's version, which it gives with the build behind a dash."""
    return str(openvino.__version__).partition("-")[0]


def convert(source: Path, folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.xml` and `model.bin`; unasked OpenVINO would round the weights to float16."""
    model = openvino.Core().read_model(source)
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    return {}


def open_model(
    folder: Path, facts: Mapping[str, Any]
) -> tuple[Callable[[list[Any]], list[Any]], dict[str, Any]]:
    """Open `model.xml` with `model.bin`, or `model.onnx` where a folder has that."""
    core = openvino.Core()
    model = _read(core, folder)
    # Left to itself it computes in bfloat16 where the CPU can.
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()

    def run(feed: list[Any]) -> list[Any]:
        found = request.infer(dict(zip(facts["inputs"], feed, strict=True)))
        return [np.array(found[name]) for name in facts["outputs"]]

    return run, {"inputs": _shapes(model.inputs), "outputs": _shapes(model.outputs)}


def _read(core: Any, folder: Path) -> Any:
    if (folder / "model.onnx").is_file():
        return core.read_model(folder / "model.onnx")
    text = (folder / "model.xml").read_bytes()
    # It reads any format under any name, and an ONNX file may name weights outside of the folder.
    if not text.lstrip().startswith((b"<?xml", b"<net")):
        raise ValueError("model.xml is no XML")
    try:
        return core.read_model(folder / "model.xml", folder / "model.bin")
    except RuntimeError as error:
        # What it says comes last, after places in its own source.
        said = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ValueError(f"OpenVINO does not read it: {said[-1] if said else 'it says nothing'}") from None


def _shapes(ports: Any) -> list[Any]:
    return [[port.get_any_name(), [_size(part) for part in port.get_partial_shape()]] for port in ports]


def _size(dimension: Any) -> int | None:
    return None if dimension.is_dynamic else int(dimension.get_length())
