"""R7: model files that are damaged, hostile or false: refused, or answered with finite numbers."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .children import Child
from .jobs import composed
from .mutating import mutated
from .row import Findings
from .trying import Trial, say, try_all

_SOON = ("--timeout", "2")
"""A computation is stopped after two seconds; a person may leave it a minute."""

_SECRET = b"TOPSECRET" * 1000
_JSON = ("", "null", "[]", "{}", "1", '"x"', "[[]]", "NaN", "1e999", "[" * 20_000, "9" * 6000, '"\\ud800"')
_TARGET: tuple[Any, ...] = (None, 0, -1, 1e308, "x", [], ["a"], [1] * 10, {}, ["a\x1b[31m"] * 10, 10**30)


class Models:
    """Hostile edits first, then mutations; each file is given to predict, every fifth to verify and bench."""

    name = "R7"
    title = "mutated and hostile model files, for predict, verify and bench"
    promise = (
        "refused (status 2 or 4) or answered in JSON with finite numbers; no crash, "
        "each refusal within 5 s and 1 GiB"
    )
    count = 5000

    def run(self, count: int, seed: int, work: Path) -> Findings:
        run = composed(work / "run", epochs=1)
        (work / "secret.bin").write_bytes(_SECRET)
        good = (run / "model.onnx").read_bytes()
        random_numbers = random.Random(seed)
        files = list(_hostile(good))[: max(1, count // 2)]
        files += [
            (f"mutation {number}", mutated(good, random_numbers, near=4000))
            for number in range(max(0, count - len(files)))
        ]
        picture = _picture(work)
        trials = []
        for number, (name, content) in enumerate(files):
            path = work / "model.onnx"
            trials.append(
                Trial(
                    f"predict: {name}",
                    _given(path, content, "predict", path, picture, "--json", "--resize", *_SOON),
                )
            )
            if number % 5 == 0:
                trials.append(
                    Trial(f"verify: {name}", _given(path, content, "verify", path, "--run", run, *_SOON))
                )
                words = ("bench", path, "--seconds", "0.01", "--batch", "1", *_SOON)
                trials.append(Trial(f"bench: {name}", _given(path, content, *words)))
        found = Findings()
        try_all(trials[:count], found, Child(memory=6 << 30, folder=work))
        return found


def _given(path: Path, content: bytes, *words: object) -> Callable[[], tuple[str, str | None]]:
    def act() -> tuple[str, str | None]:
        path.write_bytes(content)
        said = say(*words)
        broken = said.fault((0, 2, 4))
        if "TOPSECRET" in said.output + said.errors or "root:" in said.output + said.errors:
            broken = "told what is in another file"
        if not broken and said.status == 0 and words[0] == "predict":
            broken = _not_json(said.output)
        return f"{words[0]}: status {said.status}", broken

    return act


def _not_json(text: str) -> str | None:
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as error:
        return f"status 0, and no JSON: {str(error)[:100]}"
    return None


def _picture(work: Path) -> Path:
    import numpy as np
    from PIL import Image

    path = work / "picture.png"
    Image.fromarray((np.arange(784).reshape(28, 28) % 256).astype(np.uint8)).save(path)
    return path


def _hostile(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield files that were made to hurt."""
    import onnx

    base = onnx.load_model_from_string(good)

    def edited(edit: Callable[[Any], None]) -> bytes:
        model = onnx.ModelProto()
        model.CopyFrom(base)
        edit(model)
        content: bytes = model.SerializeToString()
        return content

    yield "nothing", b""
    yield "half", good[: len(good) // 2]
    yield "twice", good + good
    for name, edit in {**_graph_edits(), **_metadata_edits(base)}.items():
        yield name, edited(edit)


def _graph_edits() -> dict[str, Callable[[Any], None]]:
    from onnx import TensorProto

    def outside(place: str) -> Callable[[Any], None]:
        def edit(model: Any) -> None:
            tensor = model.graph.initializer[0]
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", place

        return edit

    def sized(*size: int) -> Callable[[Any], None]:
        def edit(model: Any) -> None:
            del model.graph.initializer[0].dims[:]
            model.graph.initializer[0].dims.extend(size)

        return edit

    def circle(model: Any) -> None:
        model.graph.node[0].input[0] = model.graph.node[-1].output[0]

    def strange(model: Any) -> None:
        model.graph.node[0].domain, model.graph.node[0].op_type = "evil", "Run"

    def not_finite(model: Any) -> None:
        for tensor in model.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT and tensor.raw_data:
                tensor.raw_data = b"\0\0\xc0\x7f" * (len(tensor.raw_data) // 4)

    places = ("secret.bin", "../secret.bin", "../../etc/passwd", "/etc/passwd", "/dev/zero", "a" * 5000)
    return {
        **{f"weights in {place[:30]}": outside(place) for place in places},
        "weights of 2 TB": sized(1 << 31, 1 << 10),
        "weights of negative size": sized(-1, 5),
        "weights beyond numbers": sized(1 << 32, 1 << 32),
        "a circle": circle,
        "an unknown operation": strange,
        "weights that are no numbers": not_finite,
        "an output with control characters": lambda model: setattr(
            model.graph.output[0], "name", "a\x1b]0;x\x07"
        ),
        "a fill of 2 GB when opened": lambda model: _before_output(model, _expanded),
        "many numbers of 300 MB": lambda model: _before_output(model, _many),
        "indices of all numbers": lambda model: _before_output(model, _indices),
        "sets of many numbers": lambda model: _before_output(model, _distinct),
        "9,000 operators": lambda model: _before_output(model, _long),
        "20,000 weights": lambda model: model.graph.initializer.extend([model.graph.initializer[0]] * 20_000),
        "a minute in one operator": lambda model: _before_output(model, _slow),
        "memory without end": lambda model: _before_output(model, _gigabytes),
        "an endless loop": lambda model: _before_output(model, _endless),
    }


def _before_output(model: Any, add: Callable[[Any, str], str]) -> None:
    """Put nodes between the model's first output and what computes it."""
    from onnx import helper

    output = model.graph.output[0].name
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            if name == output:
                node.output[index] = "before"
    model.graph.node.append(helper.make_node("Identity", [add(model, "before")], [output]))


def _constant(model: Any, name: str, value: Any) -> str:
    from onnx import helper, numpy_helper

    model.graph.node.append(
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
    )
    return name


def _added(model: Any, name: str, large: str) -> str:
    """Add the largest of many numbers to a value."""
    from onnx import helper

    model.graph.node.append(helper.make_node("ReduceMax", [large], ["most"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", [name, "most"], ["after"]))
    return "after"


def _node(model: Any, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
    from onnx import helper

    model.graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
    return output


def _expanded(model: Any, name: str, size: tuple[int, ...] = (500, 1_000_000)) -> str:
    import numpy as np

    return _added(model, name, _ones(model, np.array(size)))


def _ones(model: Any, size: Any) -> str:
    import numpy as np

    one = _constant(model, "one", np.ones((1,) * len(size), np.float32))
    return _node(model, "Expand", [one, _constant(model, "size", size)], "large")


def _many(model: Any, name: str) -> str:
    import numpy as np

    names = [_ones(model, np.array([75, 1_000_000]))]
    for step in range(8):
        names.append(_node(model, "Exp", [names[-1]], f"large{step}"))
    return _added(model, name, _node(model, "Sum", names, "all"))


def _indices(model: Any, name: str) -> str:
    import numpy as np

    found = _node(model, "NonZero", [_ones(model, np.array([50, 1_000_000]))], "found")
    return _added(model, name, _node(model, "Cast", [found], "cast", to=1))


def _distinct(model: Any, name: str) -> str:
    numbers = _node(model, "RandomUniform", [], "drawn", shape=[50_000_000])
    return _added(model, name, _node(model, "Unique", [numbers], "found"))


def _long(model: Any, name: str) -> str:
    for step in range(9000):
        name = _node(model, "Sin", [name], f"step{step}")
    return name


def _slow(model: Any, name: str) -> str:
    import numpy as np

    kernel = _ones(model, np.array([64, 64, 31, 31]))
    image = _constant(model, "sides", np.array([1, 64, 300, 300]))
    large = _node(model, "ConstantOfShape", [image], "wide")
    return _added(model, name, _node(model, "Conv", [large, kernel], "folded", pads=[15] * 4))


def _gigabytes(model: Any, name: str) -> str:
    from onnx import TensorProto, helper

    size = helper.make_tensor("size", TensorProto.INT64, [2], [100_000, 100_000])
    model.graph.node.append(helper.make_node("Constant", [], ["size"], value=size))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["large"]))
    model.graph.node.append(helper.make_node("ReduceMax", ["large"], ["most"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", [name, "most"], ["after"]))
    return "after"


def _endless(model: Any, name: str) -> str:
    from onnx import TensorProto, helper

    def value(named: str, kind: int, shape: list[int] | None) -> Any:
        return helper.make_tensor_value_info(named, kind, shape)

    nodes = [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Add", ["x", "x"], ["y"])]
    inputs = [
        value("i", TensorProto.INT64, []),
        value("on", TensorProto.BOOL, []),
        value("x", TensorProto.FLOAT, None),
    ]
    outputs = [value("still", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, None)]
    body = helper.make_graph(nodes, "body", inputs, outputs)
    for named, kind, content in (("times", TensorProto.INT64, 1 << 62), ("true", TensorProto.BOOL, 1)):
        tensor = helper.make_tensor(named, kind, [], [content])
        model.graph.node.append(helper.make_node("Constant", [], [named], value=tensor))
    model.graph.node.append(helper.make_node("Loop", ["times", "true", name], ["after"], body=body))
    return "after"


def _metadata_edits(base: Any) -> dict[str, Callable[[Any], None]]:
    def told(key: str, value: str) -> Callable[[Any], None]:
        def edit(model: Any) -> None:
            for entry in model.metadata_props:
                if entry.key == key:
                    entry.value = value

        return edit

    properties = {entry.key: entry.value for entry in base.metadata_props}
    edits = {f"{key} is {value[:12]}": told(key, value) for key in properties for value in _JSON}
    outputs = json.loads(properties["mtl.outputs"])
    for key in outputs[0]["target"]:
        for value in _TARGET:
            changed = copy.deepcopy(outputs)
            changed[0]["target"][key] = value
            edits[f"target {key} is {str(value)[:20]}"] = told("mtl.outputs", json.dumps(changed))
    inputs = json.loads(properties["mtl.inputs"])
    for shape in (["batch", 1, 10**9, 10**9], ["batch", 1.5, 28, 28], ["batch", -1, 28, 28]):
        changed = copy.deepcopy(inputs)
        changed[0]["shape"] = shape
        edits[f"image of shape {shape}"] = told("mtl.inputs", json.dumps(changed))
    return edits


ROW = Models()
