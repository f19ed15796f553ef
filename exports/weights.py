"""The proof that the weights of a float32 file are the trained model's, to the last bit.

Most are found in the model at hand. What the tracer computed from weights (a convolution with the
normalisation behind it) is compared with a model traced anew. Single numbers without a name are left to the
comparison of answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from ..core.base.errors import VerificationError

_PARTS = "model."
"""A part of a model keeps the whole inside."""


def compare_weights(
    name: str, model: onnx.ModelProto, trained: nn.Module, traced: Callable[[], onnx.ModelProto]
) -> dict[str, int]:
    """Return how many weights are the trained model's, and how many those of a new trace.

    `traced` gives the model traced anew; it is only asked where a weight is not found in the trained model.
    Raises `VerificationError`, starting with `name`, at the first other weight.
    """
    state = trained.state_dict().items()
    known = {key.removeprefix(_PARTS): value.detach().cpu().numpy() for key, value in state}
    numbers = {value.tobytes() for value in known.values()}
    found = {tensor.name: _value(tensor) for tensor in model.graph.initializer}
    own = {key for key, value in known.items() if key in found and _same(found[key], value)}
    rest = {
        key: value
        for key, value in found.items()
        if key not in own
        and (key in known or (value.dtype.kind == "f" and value.size > 1 and value.tobytes() not in numbers))
    }
    again = {_value(tensor).tobytes() for tensor in traced().graph.initializer} if rest else set()
    for key, value in rest.items():
        if value.tobytes() not in again:
            raise VerificationError(f"{name}: weight {key!r} is not the trained model's")
    return {"trained": len(own), "traced": len(rest)}


def _value(tensor: onnx.TensorProto) -> NDArray[Any]:
    return np.asarray(numpy_helper.to_array(tensor))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
