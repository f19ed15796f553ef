"""Model files from anywhere: an answer, or a refusal that names the file, soon and without much memory."""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from mtl.core.base.errors import MtlError, UsageError, VerificationError
from mtl.exports.inference import ExportedModel
from mtl.exports.onnx_exporter import OnnxExporter
from mtl.exports.onnx_model import file_of
from mtl.exports.wire import refuse_hazards

IMAGES = np.zeros((1, 1, 8, 8), np.uint8)
Change = Callable[[onnx.ModelProto], None]


def answered(model: onnx.ModelProto, folder) -> object:
    """Return what a file answers, sealed as if it were ours."""
    path = folder / "hostile.onnx"
    path.write_bytes(file_of(model))
    exported = ExportedModel(path)
    return exported.answers(exported.run(IMAGES, number=1))


def refusal(model: onnx.ModelProto, folder, kind: type[MtlError]) -> str:
    began = time.process_time()
    with pytest.raises(kind) as caught:
        answered(model, folder)
    assert time.process_time() - began < 5
    assert "hostile.onnx" in caught.value.message
    return caught.value.message


def instead_of(task: str, model: onnx.ModelProto, *nodes: onnx.NodeProto) -> None:
    """Put nodes between what an output was, now called `was`, and the output."""
    for node in model.graph.node:
        node.output[:] = ["was" if name == task else name for name in node.output]
    model.graph.node.extend(nodes)


def constant(name: str, value: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))


def three_classes_answer_two(model: onnx.ModelProto) -> None:
    kept = constant("kept", np.array([True, True, False]))
    instead_of("shade", model, kept, helper.make_node("Compress", ["was", "kept"], ["shade"], axis=1))


def three_rows(model: onnx.ModelProto) -> None:
    instead_of("shade", model, helper.make_node("Concat", ["was", "was", "was"], ["shade"], axis=0))


def no_number(model: onnx.ModelProto) -> None:
    zero = constant("zero", np.zeros((), np.float32))
    instead_of("shade", model, zero, helper.make_node("Div", ["was", "zero"], ["shade"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (three_classes_answer_two, r"task 'shade' answers with shape \[1, 2\], not \[1, 3\] as it says"),
        (three_rows, r"task 'shade' answers with shape \[3, 3\], not \[1, 3\] as it says"),
        (no_number, "task 'shade' answers with numbers that are not finite"),
    ],
)
def test_an_answer_of_another_form_is_refused(change: Change, said, exported, tmp_path):
    model = onnx.load(exported.path)
    change(model)
    # Shapes that depend on numbers are only declared: onnxruntime believes them until it runs.
    assert re.search(said, refusal(model, tmp_path, VerificationError))


def forty_gigabytes(model: onnx.ModelProto) -> None:
    sizes = constant("sizes", np.array([100_000, 100_000]))
    filled = helper.make_node("ConstantOfShape", ["sizes"], ["filled"])
    largest = helper.make_node("ReduceMax", ["filled"], ["largest"], keepdims=0)
    instead_of("shade", model, sizes, filled, largest, helper.make_node("Add", ["was", "largest"], ["shade"]))


def two_gigabytes_when_opened(model: onnx.ModelProto) -> None:
    sizes, one = constant("sizes", np.array([500, 1_000_000])), constant("one", np.ones((1, 1), np.float32))
    filled = helper.make_node("Expand", ["one", "sizes"], ["filled"])
    largest = helper.make_node("ReduceMax", ["filled"], ["largest"], keepdims=0)
    instead_of(
        "shade", model, sizes, one, filled, largest, helper.make_node("Add", ["was", "largest"], ["shade"])
    )


def many_of_300_megabytes(model: onnx.ModelProto) -> None:
    nodes = [constant("sizes", np.array([75, 1_000_000]))]
    nodes.append(helper.make_node("ConstantOfShape", ["sizes"], ["large0"]))
    nodes += [helper.make_node("Exp", [f"large{step}"], [f"large{step + 1}"]) for step in range(5)]
    nodes.append(helper.make_node("Sum", [f"large{step}" for step in range(6)], ["all"]))
    nodes.append(helper.make_node("ReduceMax", ["all"], ["largest"], keepdims=0))
    instead_of("shade", model, *nodes, helper.make_node("Add", ["was", "largest"], ["shade"]))


def indices_of_what_is_not_zero(model: onnx.ModelProto) -> None:
    sizes, one = constant("sizes", np.array([50, 1_000_000])), constant("one", np.ones((1, 1), np.float32))
    filled = helper.make_node("Expand", ["one", "sizes"], ["filled"])
    found = helper.make_node("NonZero", ["filled"], ["found"])
    instead_of("shade", model, sizes, one, filled, found, helper.make_node("Identity", ["was"], ["shade"]))


def nine_thousand_operators(model: onnx.ModelProto) -> None:
    nodes = [constant("half0", np.array(0.5, np.float32))]
    nodes += [helper.make_node("Sin", [f"half{step}"], [f"half{step + 1}"]) for step in range(9000)]
    instead_of("shade", model, *nodes, helper.make_node("Add", ["was", "half9000"], ["shade"]))


def a_weight_again_and_again(model: onnx.ModelProto) -> None:
    repeated = numpy_helper.from_array(np.zeros(10, np.float32), "repeated")
    model.graph.initializer.extend([repeated] * 20_001)


def branches_in_branches(model: onnx.ModelProto) -> None:
    name, inner = "deepest", [constant("deepest", np.zeros((), np.float32))]
    for level in range(20):
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [])]
        graph = helper.make_graph(inner, "inside", [], outputs)
        name = f"level{level}"
        go = constant(f"go{level}", np.array(True))
        again = {"then_branch": graph, "else_branch": graph} if level < 12 else {"then_branch": graph}
        inner = [go, helper.make_node("If", [f"go{level}"], [name], **again)]
    instead_of("shade", model, *inner, helper.make_node("Add", ["was", name], ["shade"]))


def a_declared_weight_of_two_terabytes(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [1 << 31, 1 << 8]


MEBIBYTES = 1000
"""What a refusal may grow a process by."""


def growth(change: Change, exported, folder) -> int:
    """Return by how many MiB a process grows, that has all imported, when it refuses a file."""
    model = onnx.load(exported.path)
    change(model)
    read, write = os.pipe()
    if (process := os.fork()) == 0:
        # What the collector would free waits for threads that a forked process does not have.
        gc.disable()
        try:
            before = memory("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")
            refusal(model, folder, MtlError)
            os.write(write, str(memory("VmHWM") - before).encode())
        finally:
            os._exit(0)
    os.waitpid(process, 0)
    os.close(write)
    with os.fdopen(read) as found:
        return int(found.read())


def memory(kind: str) -> int:
    """Return a line of what Linux tells of this process, in MiB."""
    found = re.search(rf"{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells how much a process had at most")
@pytest.mark.parametrize(
    "change",
    [
        two_gigabytes_when_opened,
        many_of_300_megabytes,
        indices_of_what_is_not_zero,
        nine_thousand_operators,
        a_weight_again_and_again,
        branches_in_branches,
        a_declared_weight_of_two_terabytes,
    ],
)
def test_a_refusal_takes_little_memory_and_time(change: Change, exported, tmp_path):
    assert growth(change, exported, tmp_path) < MEBIBYTES


def test_who_allows_more_memory_gets_the_answer(exported, tmp_path):
    model = onnx.load(exported.path)
    sizes = constant("sizes", np.array([5, 1_000_000]))
    filled = helper.make_node("ConstantOfShape", ["sizes"], ["filled"])
    largest = helper.make_node("ReduceMax", ["filled"], ["largest"], keepdims=0)
    instead_of("shade", model, sizes, filled, largest, helper.make_node("Add", ["was", "largest"], ["shade"]))
    path = tmp_path / "hostile.onnx"
    path.write_bytes(file_of(model))
    with pytest.raises(UsageError, match=r"needs more than 8 MiB for its numbers\n.*--memory"):
        ExportedModel(path, memory=8 << 20).run(IMAGES, number=1)
    assert ExportedModel(path, memory=64 << 20).run(IMAGES, number=1)["shade"].shape == (1, 3)


def endless_loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, None),
        ],
    )
    turns, go = constant("turns", np.array(1 << 62)), constant("go", np.array(True))
    instead_of(
        "shade", model, turns, go, helper.make_node("Loop", ["turns", "go", "was"], ["shade"], body=body)
    )


def loop_in_a_branch(model: onnx.ModelProto) -> None:
    endless_loop(model)
    loop = model.graph.node.pop()
    out = [helper.make_tensor_value_info("shade", TensorProto.FLOAT, None)]
    branch = helper.make_graph([loop], "branch", [], out)
    model.graph.node.append(helper.make_node("If", ["go"], ["shade"], then_branch=branch, else_branch=branch))


def weights_elsewhere(model: onnx.ModelProto) -> None:
    tensor = next(item for item in model.graph.initializer if item.name == "shade.weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "secret.bin"


def foreign_operator(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.op_type == "Softmax")
    node.domain = "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def own_function(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("f", "F", ["a"], ["b"], [], [helper.make_opsetid("", 20)]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (forty_gigabytes, "needs more than 384 MiB for its numbers"),
        (endless_loop, "the operator Loop, which may never end"),
        (loop_in_a_branch, "the operator Loop, which may never end"),
        (weights_elsewhere, "it keeps weights in a file of their own"),
        (foreign_operator, "operators beyond ONNX's own"),
        (own_function, "it holds functions"),
    ],
)
def test_a_file_that_reaches_out_or_never_ends_is_refused(
    change: Change, said, exported, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(b"secret" * 1000)
    model = onnx.load(exported.path)
    change(model)
    assert said in refusal(model, tmp_path, UsageError)


def leaves(value: object, path: tuple = ()) -> list[tuple]:
    """Return the way to every leaf of a JSON value."""
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [path]


def changed(text: str, path: tuple, new: str) -> str:
    """Return JSON with one leaf replaced by other JSON, which need not be valid."""
    value = json.loads(text)
    if not path:
        return new
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = "the leaf"
    return json.dumps(value).replace('"the leaf"', new)


STRANGE = ["null", "0", "-1", "1.5", "1e308", "1e999", "NaN", "true", '""', "[]", "{}", "[" * 900, "9" * 5000]
STRANGE += [str(2**31 - 1), str(10**30), '"\\ud800"', '["a"]', '["a", "b", "c"]', '"image"']


def _strange_metadata(exported, folder, data: st.DataObject) -> None:
    model = onnx.load(exported.path)
    item = data.draw(st.sampled_from([item for item in model.metadata_props if item.key != "mtl.sha256"]))
    path = data.draw(st.sampled_from(leaves(json.loads(item.value))))
    item.value = changed(item.value, path, data.draw(st.sampled_from(STRANGE)))
    said = "hostile.onnx"
    try:
        json.dumps([answer.value for answer in answered(model, folder)[0].values()], allow_nan=False)
    except MtlError as error:
        said = error.message
    assert "hostile.onnx" in said


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_strange_metadata_is_answered_or_refused(exported, tmp_path_factory, data):
    _strange_metadata(exported, tmp_path_factory.mktemp("strange"), data)


@pytest.mark.slow
@settings(deadline=None, max_examples=2000)
@given(st.data())
def test_much_strange_metadata_is_answered_or_refused(exported, tmp_path_factory, data):
    _strange_metadata(exported, tmp_path_factory.mktemp("strange"), data)


@pytest.mark.parametrize("shape", [[1, 60_000, 60_000], [1, 2**31 - 1, 2**31 - 1], [1, 10**30, 1]])
def test_an_image_too_large_to_hold_is_refused_before_anything_is_allocated(shape, exported, tmp_path):
    model = onnx.load(exported.path)
    for item in model.metadata_props:
        item.value = item.value.replace(
            '["batch", 1, 8, 8], "range"', f'["batch", {shape[0]}, {shape[1]}, {shape[2]}], "range"'
        )
    assert "damaged" in refusal(model, tmp_path, UsageError)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_the_parts_of_any_bytes_are_read_or_refused(data):
    said = "it"
    try:
        refuse_hazards(data)
    except ValueError as error:
        said = str(error)
    assert said.startswith("it")


def test_a_deep_nest_of_branches_is_read_without_recursion():
    inner = b"\x0a\x00"
    for _ in range(5000):
        # A graph in an attribute of a node.
        attribute = _field(6, inner)
        inner = _field(1, _field(5, attribute))
    with pytest.raises(ValueError, match="the operator Loop"):
        refuse_hazards(_field(7, inner + _field(1, _field(4, b"Loop"))))


def _field(number: int, content: bytes) -> bytes:
    size, length = b"", len(content)
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


@pytest.mark.parametrize("open_file", [ExportedModel, lambda path: OnnxExporter().verify(None, path)])
def test_a_pipe_or_a_device_is_no_model_and_is_not_waited_for(open_file, tmp_path):
    os.mkfifo(tmp_path / "f.onnx")
    with pytest.raises(UsageError, match=r"f\.onnx: is a pipe, expected a model"):
        open_file(tmp_path / "f.onnx")
    with pytest.raises(UsageError, match="/dev/zero: is a device, expected a model"):
        open_file(Path("/dev/zero"))
    assert (tmp_path / "f.onnx").is_fifo()


def test_a_proof_that_is_a_pipe_is_refused(exported, tmp_path):
    (tmp_path / "model.onnx").write_bytes(exported.path.read_bytes())
    os.mkfifo(tmp_path / "verify.json")
    with pytest.raises(UsageError, match=r"verify\.json: is a pipe"):
        ExportedModel(tmp_path / "model.onnx")
