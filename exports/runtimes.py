"""Where an ONNX file can be run: onnxruntime, OpenVINO, ONNX's reference evaluator, tract."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..core.base.errors import MissingRequirementError, UsageError, suggest
from .session import open_session, run_options

Run = Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]
"""Inputs by name to outputs by name; what goes wrong is whatever the runtime raises."""


def open_onnxruntime(data: bytes) -> Run:
    """Run a model in onnxruntime on the CPU."""
    return run_session(open_session(data))


def run_session(session: onnxruntime.InferenceSession) -> Run:
    """Run a model that onnxruntime has opened."""
    names = [output.name for output in session.get_outputs()]

    def run(feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        found = session.run(names, dict(feed), run_options())
        return dict(zip(names, map(np.asarray, found), strict=True))

    return run


def open_reference(data: bytes) -> Run:
    """Run a model in the evaluator that defines what ONNX's operators mean: NumPy, slow."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_model_from_string(data))
    names = list(evaluator.output_names)

    def run(feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        # What is too large for its type becomes infinite, as elsewhere; NumPy would say so on stderr.
        with np.errstate(all="ignore"):
            found = evaluator.run(names, dict(feed))
        return dict(zip(names, map(np.asarray, found), strict=True))

    return run


def open_openvino(data: bytes) -> Run:
    """Run a model in OpenVINO on the CPU, in full precision; raise `MissingRequirementError` without it."""
    # It would send what is called, from a process of its own that may outlive this one.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError:
        raise MissingRequirementError(
            "OpenVINO is not installed", hint="pip install 'mtl-composer[openvino]'"
        ) from None
    core = openvino.Core()
    # Left to itself it computes in bfloat16 where the CPU can.
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model=data), "CPU", settings)
    ports = {port.get_any_name(): port for port in compiled.outputs}

    def run(feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        found = compiled(dict(feed))
        return {name: np.array(found[port]) for name, port in ports.items()}

    return run


def open_tract(data: bytes) -> Run:
    """Run a model in tract, in a process of its own; raise `MissingRequirementError` without it."""
    from .elsewhere.onnx_file import OnnxElsewhere

    return OnnxElsewhere("tract", data).run


RUNTIMES: Mapping[str, tuple[Callable[[bytes], Run], str]] = {
    "onnxruntime": (open_onnxruntime, "onnxruntime"),
    "openvino": (open_openvino, "openvino"),
    "reference": (open_reference, "onnx"),
    "tract": (open_tract, "tract"),
}
"""Each runtime with the distribution that holds it; the first is the one that verification uses unasked."""

SLOW = frozenset({"reference"})
"""Runtimes that are too slow for large batches."""


def open_runtime(name: str, data: bytes) -> Run:
    """Open a model in a runtime; raise `UsageError` for an unknown name."""
    if name not in RUNTIMES:
        raise UsageError(f"unknown runtime {name!r}", hint=suggest(name, list(RUNTIMES), "runtimes"))
    return RUNTIMES[name][0](data)


def runtime_version(name: str) -> str:
    """Return the version of the distribution that a runtime is in."""
    return metadata.version(RUNTIMES[name][1])
