"""Core ML: from a program of torch.export to a package of Apple's; it runs on Apple's systems alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coremltools
import torch


def version() -> str:
    """Return the version of the converter."""
    return str(coremltools.__version__)


def convert(source: Path, folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.mlpackage`, float32, one sample; inputs and outputs have the names of the ONNX file's."""
    program = torch.export.load(source).run_decompositions({})
    _without_aliases(program)
    kinds = {"float32": "float32", "int64": "int32", "uint8": "float32"}
    inputs = [
        coremltools.TensorType(
            name=name,
            shape=(1, *shape),
            dtype=getattr(coremltools.converters.mil.mil.types, kinds[dtype].replace("float32", "fp32")),
        )
        for name, (shape, dtype) in zip(facts["inputs"], facts["shapes"], strict=True)
    ]
    model = coremltools.convert(
        program,
        inputs=inputs,
        outputs=[coremltools.TensorType(name=name) for name in facts["outputs"]],
        compute_precision=coremltools.precision.FLOAT32,
        minimum_deployment_target=coremltools.target.iOS16,
    )
    package = folder / "model.mlpackage"
    model.save(str(package))
    for noted in package.glob("*_debug_handle_mapping.json"):
        noted.unlink()
    return {"batch": 1, "rounded": "nothing: weights and sums are float32"}


def _without_aliases(program: Any) -> None:
    """Take away nodes that only give a value another name: the converter knows no such operator."""
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.op == "call_function" and str(node.target) == "aten.alias.default":
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    program.graph_module.recompile()
