"""What an ONNX file is beside its operators and weights, known to the last field from its form."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from ..core.base.errors import VerificationError
from .graphs import inner_graphs, reads_of
from .metadata import IMAGE, ModelCard

BATCH = "batch"
PRODUCER = "mtl"
_OLDER_IR = 10
"""The IR version of every file that an earlier mtl wrote, whatever its operators."""

_TYPES = {
    "float32": onnx.TensorProto.FLOAT,
    "uint8": onnx.TensorProto.UINT8,
    "int64": onnx.TensorProto.INT64,
}


def frame_of(card: ModelCard, opset: int) -> onnx.ModelProto:
    """Return the model that a card describes, without operators, weights and metadata."""
    model = onnx.ModelProto(producer_name=PRODUCER)
    model.opset_import.add(domain="", version=opset)
    # The oldest layout that has these operators: runtimes refuse files for a newer one alone.
    model.ir_version = onnx.helper.find_min_ir_version_for(list(model.opset_import))
    model.graph.name = PRODUCER
    value = onnx.helper.make_tensor_value_info
    if card.image:
        model.graph.input.append(value(IMAGE, _TYPES[card.pixels], [BATCH, *card.image.shape]))
    model.graph.input.extend(
        value(spec.name, _TYPES[spec.dtype], [BATCH, *spec.shape]) for spec in card.inputs
    )
    model.graph.output.extend(
        value(output.name, onnx.TensorProto.FLOAT, [BATCH, *output.target.output_shape])
        for output in card.outputs
    )
    return model


def check_frame(model: onnx.ModelProto, card: ModelCard, opset: int, name: str) -> None:
    """Raise `VerificationError` unless a file has the frame that its card describes, and no dead parts."""
    wanted, found = frame_of(card, opset), onnx.ModelProto()
    found.CopyFrom(model)
    for part in ("node", "initializer"):
        found.graph.ClearField(part)
    found.ClearField("metadata_props")
    if found.ir_version == _OLDER_IR:
        found.ir_version = wanted.ir_version
    if place := _other(found, wanted) or _other(found.graph, wanted.graph):
        raise VerificationError(f"{name}: its {place} is not what an export has")
    if dead := next(_dead(model.graph), None):
        raise VerificationError(f"{name} holds {dead}, which no output depends on")


def _other(found: onnx.ModelProto | onnx.GraphProto, wanted: onnx.ModelProto | onnx.GraphProto) -> str | None:
    """Return the first field that differs, by its name; a graph is looked into on its own."""
    for field in found.DESCRIPTOR.fields:
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if field.name == "graph" or one == other:
            continue
        return str(field.name).replace("_", " ")
    return None


def _dead(graph: onnx.GraphProto) -> Iterator[str]:
    """Yield the operators and weights of a graph, and of those inside it, that its outputs do not need."""
    made = {value: node for node in graph.node for value in node.output}
    waiting, needed = [value.name for value in graph.output], set()
    while waiting:
        value = waiting.pop()
        if value in needed:
            continue
        needed.add(value)
        if value in made:
            waiting += reads_of(made[value])
    for node in graph.node:
        if needed.isdisjoint(node.output):
            yield f"the operator {node.name or node.op_type!r}"
        for inner in inner_graphs(node):
            yield from _dead(inner)
    for tensor in graph.initializer:
        if tensor.name not in needed:
            yield f"the weight {tensor.name!r}"
