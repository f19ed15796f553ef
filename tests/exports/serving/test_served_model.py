"""A model that does not come to an end is stopped, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mtl.core.errors import UsageError
from mtl.exports.serving.served_model import _within
from mtl.exports.session import open_session


def endless() -> bytes:
    """Return a model that adds one for ever."""
    number = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Add", ["before", "one"], ["after"]),
            helper.make_node("Identity", ["on"], ["still"]),
        ],
        "body",
        [number("i", TensorProto.INT64, []), number("on", TensorProto.BOOL, []), number("before", 1, [1])],
        [number("still", TensorProto.BOOL, []), number("after", 1, [1])],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["count", "true", "x"], ["y"], body=body)],
        "endless",
        [number("x", 1, [1])],
        [number("y", 1, [1])],
        [
            helper.make_tensor("count", TensorProto.INT64, [], [2**62]),
            helper.make_tensor("true", TensorProto.BOOL, [], [True]),
            helper.make_tensor("one", 1, [1], [1.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_an_endless_model_is_stopped_and_named() -> None:
    session = open_session(endless(), threads=1)
    with (
        pytest.raises(UsageError, match=r"endless\.onnx did not answer within 0\.2 s"),
        _within(0.2, Path("endless.onnx")) as options,
    ):
        session.run(None, {"x": np.zeros(1, np.float32)}, options)
