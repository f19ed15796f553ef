"""ExecuTorch: from a program of torch.export to XNNPACK's kernels; run on the CPU, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.runtime import Runtime, Verification


def version() -> str:
    """Return ExecuTorch's version."""
    return metadata.version("executorch")


def convert(source: Path, folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write `model.pte`: what XNNPACK has is lowered to it, the rest runs in ExecuTorch's own operators."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.load(source)
    edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    called = {str(node.target) for node in edge.exported_program().graph.nodes if node.op == "call_function"}
    (folder / "model.pte").write_bytes(edge.to_executorch().buffer)
    return {"batch": 1, "outside_xnnpack": sorted(name for name in called if "." in name)}


def open_model(
    folder: Path, facts: Mapping[str, Any]
) -> tuple[Callable[[list[Any]], list[Any]], dict[str, Any]]:
    """Open `model.pte`."""
    program = Runtime.get().load_program(folder / "model.pte", verification=Verification.InternalConsistency)
    method = program.load_method("forward")
    if method is None:
        raise ValueError("it has no method forward")

    def run(feed: list[Any]) -> list[Any]:
        rows = []
        for row in range(len(feed[0])):
            answers = method.execute([torch.from_numpy(value[row : row + 1]) for value in feed])
            rows.append([answer.numpy().copy() for answer in answers])
        return [np.concatenate(column) for column in zip(*rows, strict=True)]

    return run, {}
