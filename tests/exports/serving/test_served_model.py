"""A model that computes for too long is stopped, and named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from mtl.core.base.errors import UsageError
from mtl.exports.serving.served_model import _within
from mtl.exports.session import open_session

_SIDE = 1024
_STEPS = 400


def slow() -> bytes:
    """Return a model that multiplies large matrices for many seconds; a run is stopped between two."""
    number = helper.make_tensor_value_info
    names = ["x", *(f"x{step}" for step in range(1, _STEPS)), "y"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", [before, "x"], [after]) for before, after in pairwise(names)],
        "slow",
        [number("x", TensorProto.FLOAT, [_SIDE, _SIDE])],
        [number("y", TensorProto.FLOAT, [_SIDE, _SIDE])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def test_a_model_that_computes_too_long_is_stopped_and_named() -> None:
    session = open_session(slow(), threads=1)
    with (
        pytest.raises(UsageError, match=r"slow\.onnx did not answer within 0\.2 s"),
        _within(0.2, Path("slow.onnx")) as options,
    ):
        session.run(None, {"x": np.zeros((_SIDE, _SIDE), np.float32)}, options)
