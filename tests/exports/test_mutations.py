"""Files that were changed so as to compute or say something else: none passes verification.

The test prints how many were tried of each kind (`pytest -s`).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from mtl.core.base.errors import VerificationError
from mtl.core.contracts import ExportSubject
from mtl.core.contracts.preparation import Preparation
from mtl.exports.export import Export
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import build_model, file_of
from mtl.exports.verification import open_existing, stated_export, verify

from .conftest import Exported, tiny_subject

Mutate = Callable[[onnx.ModelProto, random.Random], None]
TIMES = [pytest.param(60, id="few"), pytest.param(1000, id="many", marks=pytest.mark.slow)]
_SAME_SHAPE = (("classify", "shade"),)


def change(model: onnx.ModelProto, name: str, new: Callable[[NDArray], NDArray]) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    value = numpy_helper.to_array(tensor).copy()
    tensor.CopyFrom(numpy_helper.from_array(new(value).astype(value.dtype), name))


def said(model: onnx.ModelProto, key: str, new: Callable[[object], object]) -> None:
    item = next(item for item in model.metadata_props if item.key == f"mtl.{key}")
    item.value = json.dumps(new(json.loads(item.value)))


def one_number(source: random.Random) -> Callable[[NDArray], NDArray]:
    """Return what changes one number of a weight: by its last bit, its sign, a part of it, or all of it."""
    how = source.choice(("last bit", "sign", "part", "other"))

    def new(value: NDArray) -> NDArray:
        flat = value.reshape(-1)
        at = source.choice([place for place in range(flat.size) if flat[place]] or [0])
        if value.dtype.kind == "i":
            flat[at] += -1 if flat[at] > 0 else 1
        elif how == "last bit" or not flat[at]:
            flat[at] = np.nextafter(flat[at], value.dtype.type(source.choice((-9, 9))))
        else:
            flat[at] = {"sign": -flat[at], "part": flat[at] * 1.01, "other": flat[at] + 1}[how]
        return value

    return new


def read_by_layers(model: onnx.ModelProto, place: int) -> list[str]:
    """Return the weights (1) or biases (2) of the layers, below the casts and the steps to eight bits."""
    made = {name: node for node in model.graph.node for name in node.output}
    found = []
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            name = node.input[place]
            while name in made:
                name = made[name].input[0]
            found.append(name)
    return found


def weight(model: onnx.ModelProto, source: random.Random) -> None:
    change(model, source.choice(read_by_layers(model, 1)), one_number(source))


def bias(model: onnx.ModelProto, source: random.Random) -> None:
    change(model, source.choice(read_by_layers(model, 2)), one_number(source))


def normalisation(model: onnx.ModelProto, source: random.Random) -> None:
    divided = next(node for node in model.graph.node if node.op_type == "Div")
    subtracted = next(node for node in model.graph.node if node.op_type == "Sub")
    if source.random() < 0.3:  # left out
        for node in model.graph.node:
            node.input[:] = [
                subtracted.input[0] if name == divided.output[0] else name for name in node.input
            ]
        return
    factor = source.choice((0.9, 1.02, 2.0))
    change(model, source.choice((divided, subtracted)).input[1], lambda value: value * factor)


def swapped_outputs(model: onnx.ModelProto, source: random.Random) -> None:
    one, other = source.choice(_SAME_SHAPE)
    swapped = {one: other, other: one}
    if source.random() < 0.5:  # the values under the names
        for node in model.graph.node:
            node.output[:] = [swapped.get(name, name) for name in node.output]
        return
    first, second = source.sample(range(len(model.graph.output)), 2)  # the places of the names
    kept = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in model.graph.output]
    kept[first], kept[second] = kept[second], kept[first]
    del model.graph.output[:]
    model.graph.output.extend(kept)


def swapped_classes(model: onnx.ModelProto, source: random.Random) -> None:
    def new(outputs: object) -> object:
        assert isinstance(outputs, list)
        target = source.choice(outputs[:3])["target"]
        if "classes" in target:
            one, other = source.sample(range(len(target["classes"])), 2)
            names = target["classes"]
            names[one], names[other] = names[other], names[one]
        else:
            target["positive"], target["negative"] = target["negative"], target["positive"]
        return outputs

    said(model, "outputs", new)


def units(model: onnx.ModelProto, source: random.Random) -> None:
    def new(outputs: object) -> object:
        assert isinstance(outputs, list)
        target = next(item["target"] for item in outputs if item["name"] == "count")
        if source.random() < 0.5:
            target["unit"] = source.choice(("metres", "", "piece", None))
        else:
            target["names"] = target["names"][::-1]
        return outputs

    said(model, "outputs", new)


def frozen_batch(model: onnx.ModelProto, source: random.Random) -> None:
    size = source.choice((1, 2, 7, 64))
    if source.random() < 0.5:
        reshape = next(node for node in model.graph.node if node.op_type == "Reshape")
        change(model, reshape.input[1], lambda value: np.array([size, *value[1:]]))
        return
    value = source.choice((*model.graph.input, *model.graph.output))
    value.type.tensor_type.shape.dim[0].dim_value = size


def preparation(model: onnx.ModelProto, source: random.Random) -> None:
    def new(stated: object) -> object:
        assert isinstance(stated, dict)
        key = source.choice(sorted(stated))
        others: dict[str, object] = {
            "resize": "pad",
            "interpolation": "nearest",
            "orientation": "stored",
            "colour": "rgb",
            "size": [8, 9],
            "share": 0.5,
            "fill": 255,
            "range": [0, 255],
            "transparency": "black",
            "mean": [0.14],
            "std": [0.31],
        }
        return stated | {key: others.get(key, "other")}

    said(model, "preparation", new)


def operator(model: onnx.ModelProto, source: random.Random) -> None:
    others = {"Relu": "Abs", "Sub": "Add", "Sigmoid": "Tanh", "Softmax": "LogSoftmax", "Mul": "Div"}
    node = source.choice([node for node in model.graph.node if node.op_type in others])
    node.op_type = others[node.op_type]


def wiring(model: onnx.ModelProto, source: random.Random) -> None:
    if source.random() < 0.5:  # an operator is passed by
        passed = next(node for node in model.graph.node if node.op_type == "Relu")
        for node in model.graph.node:
            node.input[:] = [passed.input[0] if name == passed.output[0] else name for name in node.input]
        return
    one, other = (node for node in model.graph.node if node.op_type == "Softmax")
    one.input[0], other.input[0] = other.input[0], one.input[0]


def attribute(model: onnx.ModelProto, source: random.Random) -> None:
    node = source.choice([node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "Softmax")])
    wanted = {"Conv": "pads", "Gemm": "alpha", "Softmax": "axis"}[node.op_type]
    found = next(item for item in node.attribute if item.name == wanted)
    if wanted == "alpha":
        found.f *= 1.01
    elif wanted == "axis":
        found.i = 0
    else:
        found.ints[:] = [found.ints[0] + 1, found.ints[1], found.ints[2] - 1, *found.ints[3:]]


def scale(model: onnx.ModelProto, source: random.Random) -> None:
    names = [
        name for node in model.graph.node if node.op_type == "DequantizeLinear" for name in node.input[1:]
    ]
    factor = source.choice((0.5, 0.99, 1.01, 2.0))
    change(
        model,
        source.choice(names),
        lambda value: (
            value * factor if value.dtype.kind == "f" else value + (value < 255 if value.max() else 1)
        ),
    )


KINDS: dict[str, Mutate] = {
    "weight": weight,
    "bias": bias,
    "normalisation": normalisation,
    "swapped outputs": swapped_outputs,
    "swapped classes": swapped_classes,
    "units": units,
    "frozen batch": frozen_batch,
    "preparation": preparation,
    "operator": operator,
    "wiring": wiring,
    "attribute": attribute,
    "scale": scale,
}


@dataclass(frozen=True)
class Files:
    """Proven files of one model in every precision, by the kinds of changes that are made to each."""

    prepared: Exported
    half: Exported
    eight: Exported
    base: onnx.ModelProto

    def verify(self, subject: ExportSubject, model: onnx.ModelProto) -> None:
        """Prove a file as `mtl verify` does, but for the trace of the model, which is the same for all."""
        opened = open_existing(subject, file_of(model), "model.onnx")
        verify(replace(stated_export(subject, opened, opened.opset), base=self.base), opened)

    def drawn(self, source: random.Random) -> tuple[str, str, ExportSubject, onnx.ModelProto]:
        """Return the form and the kind of change, the subject, and a file that is changed."""
        kind = source.choice(sorted(KINDS))
        # Rounded files take longer to refuse.
        form = source.choices(("prepared", "half", "eight"), (8, 1, 1))[0]
        form = {"preparation": "prepared", "scale": "eight"}.get(kind, form)
        made: Exported = getattr(self, form)
        model = onnx.load(made.path)
        before = model.SerializeToString(deterministic=True)
        KINDS[kind](model, source)
        same = model.SerializeToString(deterministic=True) == before
        return form, kind if not same else "", made.subject, model


@pytest.fixture(scope="module")
def files(exported_half, exported_int8, tmp_path_factory) -> Files:
    path: Path = tmp_path_factory.mktemp("mutations") / "model.onnx"
    subject = tiny_subject()
    stated = Preparation(subject.image, "crop", share=0.875).to_json()
    stated |= {"mean": [0.13], "std": [0.3], "normalization": "inside the model"}
    subject = replace(subject, metadata={**subject.metadata, "preparation": stated})
    OnnxExporter().export(subject, path)
    return Files(Exported(subject, path), exported_half, exported_int8, build_model(Export(subject)))


@pytest.mark.parametrize("times", TIMES)
def test_no_changed_file_passes(times, files, capsys):
    source = random.Random(times)
    tried: Counter[str] = Counter()
    passed = []
    while tried.total() < times:
        form, kind, subject, model = files.drawn(source)
        if not kind:
            continue
        tried[kind] += 1
        try:
            files.verify(subject, model)
        except VerificationError:
            continue
        passed.append((form, kind, tried.total()))
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(tried.items()))
    with capsys.disabled():
        print(f"\n{times} changed files: {counts}")
    assert not passed
