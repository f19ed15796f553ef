"""A float32 ONNX model in eight bits: static quantisation in QDQ form, weights per channel.

Activations are uint8 with the range seen on the calibration samples; weights are int8 of seven bits, so that
CPUs without VNNI, whose 16-bit sums saturate, compute the same as those with it; biases stay in float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from ..core.contracts import Arrays
from .activations import QUANTIZED, own_nodes
from .graphs import sort_nodes
from .onnx_model import clean

_CHUNK = 64


def to_int8(base: onnx.ModelProto, samples: Arrays, keep_float: Sequence[str]) -> onnx.ModelProto:
    """Return the quantised model.

    `samples` are what the file is fed, by input name. What only the tasks of `keep_float` need stays float32.
    """
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
            nodes_to_exclude=sorted(own_nodes(base.graph, keep_float)),
            extra_options={"QDQ": True, "QuantizeBias": False},
        )
        model = onnx.load(path)
    sort_nodes(model.graph)
    clean(model, [value.name for value in base.graph.input], [value.name for value in base.graph.output])
    return model


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Feeds the samples a few at a time."""

    def __init__(self, samples: Arrays) -> None:
        self._feeds = _chunks(samples)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


def _chunks(samples: Arrays) -> Iterator[dict[str, NDArray[Any]]]:
    count = min(len(value) for value in samples.values())
    for start in range(0, count, _CHUNK):
        yield {name: np.ascontiguousarray(value[start : start + _CHUNK]) for name, value in samples.items()}
