"""A process gives back the memory that models needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mtl

GROWTH = """
import numpy as np
import psutil
from onnx import TensorProto, helper

from mtl.exports.runtimes import run_session
from mtl.exports.session import open_session

weights = np.full((8, 1, 3, 3), 0.1, np.float32)
graph = helper.make_graph(
    [
        helper.make_node("Conv", ["image", "weights"], ["wide"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["wide"], ["bounded"]),
        helper.make_node("ReduceMax", ["bounded"], ["largest"], keepdims=0),
    ],
    "wide",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 32, 32])],
    [helper.make_tensor_value_info("largest", TensorProto.FLOAT, [])],
    [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
runs = [run_session(open_session(model.SerializeToString(), threads=1)) for _ in range(3)]
process = psutil.Process()
images = np.zeros((3000, 1, 32, 32), np.float32) + 0.5  # written, so that they are there from the start
runs[0]({"image": images[:1]})
before = process.memory_info().rss
for count in (1000, 2000, 3000):
    for run in runs:
        run({"image": images[:count]})
print((process.memory_info().rss - before) // 2**20)
"""
"""Prints by how many MiB a process grows whose models compute what takes 190 MiB, in batches that grow."""


def test_what_large_batches_needed_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100


def runs_of_sessions(file: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("session.run"):
            yield node


def test_every_run_of_a_session_takes_options() -> None:
    folders = [Path(mtl.__file__).parent / name for name in ("exports", "benchmarks")]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    runs = [(file.name, run) for file in files for run in runs_of_sessions(file)]
    assert len(runs) >= 4
    assert [(name, run.lineno) for name, run in runs if len(run.args) != 3] == []
