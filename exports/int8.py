"""A float32 ONNX model in eight bits: static quantisation in QDQ form, weights per channel.

Activations are uint8 with the range seen on the calibration samples; weights are int8 of seven bits, so that
CPUs without VNNI, whose 16-bit sums saturate, compute the same as those with it; biases stay in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ..core.contracts import Arrays
from .activations import QUANTIZED, own_nodes, rounded_nodes
from .graphs import sort_nodes
from .onnx_model import clean
from .precision import Precision
from .returning import return_to_float

_CHUNK = 64


def to_int8(base: onnx.ModelProto, samples: Arrays, precision: Precision) -> onnx.ModelProto:
    """Return the model in the eight bits of a precision.

    `samples` are what the file is fed, by input name.
    """
    quantised = Quantised(base, samples, precision.keep_float)
    return quantised.model(precision.float_operators)


class Quantised:
    """A float32 model and its rounding to eight bits, of which operators can go back to float32."""

    def __init__(self, base: onnx.ModelProto, samples: Arrays, keep_float: Sequence[str] = ()) -> None:
        self._base = base
        self._keep_float = keep_float
        self._whole = _quantised(base, samples, sorted(own_nodes(base.graph, keep_float)))

    def model(self, float_operators: Collection[str] = ()) -> onnx.ModelProto:
        """Return the model, these operators of the float32 graph in float32."""
        model, graph = onnx.ModelProto(), self._base.graph
        model.CopyFrom(self._whole)
        if float_operators:
            return_to_float(model, self._base, rounded_nodes(graph, self._keep_float, float_operators))
        sort_nodes(model.graph)
        clean(model, [value.name for value in graph.input], [value.name for value in graph.output])
        return model


def _quantised(base: onnx.ModelProto, samples: Arrays, excluded: Sequence[str]) -> onnx.ModelProto:
    # Here: fifty modules that no other precision needs.
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    prepared = onnx.ModelProto()
    prepared.CopyFrom(base)
    # onnxruntime's marker of a graph that needs no optimisation first: torch has done it.
    onnx.helper.set_model_props(prepared, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quantized.onnx"
        quantize_static(
            prepared,
            path,
            _Reader(samples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(QUANTIZED),
            nodes_to_exclude=list(excluded),
            extra_options={"QDQ": True, "QuantizeBias": False},
        )
        return onnx.load(path)


class _Reader:
    """Feeds the samples a few at a time; what onnxruntime takes for a reader."""

    def __init__(self, samples: Arrays) -> None:
        self._feeds = _chunks(samples)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _chunks(samples: Arrays) -> Iterator[dict[str, NDArray[Any]]]:
    count = min(len(value) for value in samples.values())
    for start in range(0, count, _CHUNK):
        yield {name: np.ascontiguousarray(value[start : start + _CHUNK]) for name, value in samples.items()}
