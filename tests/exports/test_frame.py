"""What stands around a file's operators is what its form says, to the last field; nothing in it is dead."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mtl.core.base.errors import VerificationError
from mtl.exports.candidate import Candidate
from mtl.exports.onnx_model import file_of

Change = Callable[[onnx.ModelProto], object]


def shape_of(value: onnx.ValueInfoProto) -> onnx.TensorShapeProto:
    return value.type.tensor_type.shape


def call_an_image(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.denotation = "IMAGE"


def call_the_batch_a_channel(model: onnx.ModelProto) -> None:
    shape_of(model.graph.input[0]).dim[0].denotation = "DATA_CHANNEL"


def name_the_batch_otherwise(model: onnx.ModelProto) -> None:
    shape_of(model.graph.input[0]).dim[0].dim_param = "N"


def name_the_batch_of_an_output_otherwise(model: onnx.ModelProto) -> None:
    shape_of(model.graph.output[0]).dim[0].dim_param = "N"


def leave_a_size_open(model: onnx.ModelProto) -> None:
    shape_of(model.graph.output[0]).dim[1].dim_param = "K"


def drop_a_shape(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.ClearField("shape")


def reach_for_a_later_layout(model: onnx.ModelProto) -> None:
    model.ir_version = 12


def claim_another_producer(model: onnx.ModelProto) -> None:
    model.producer_name = "pytorch"


def claim_a_producer_version(model: onnx.ModelProto) -> None:
    model.producer_version = "2.0"


def claim_a_domain(model: onnx.ModelProto) -> None:
    model.domain = "x.y"


def claim_a_version(model: onnx.ModelProto) -> None:
    model.model_version = 7


def name_the_graph(model: onnx.ModelProto) -> None:
    model.graph.name = "other"


def annotate(model: onnx.ModelProto) -> None:
    model.graph.quantization_annotation.add(tensor_name="image")


def train(model: onnx.ModelProto) -> None:
    model.training_info.add()


def describe_an_inner_value(model: onnx.ModelProto) -> None:
    value = helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.UNDEFINED, None)
    value.type.denotation = "IMAGE"
    model.graph.value_info.append(value)


def add_a_dead_operator(model: onnx.ModelProto) -> None:
    # Under the name of one that is needed.
    name = model.graph.node[0].name
    model.graph.node.append(helper.make_node("Identity", ["image"], ["nowhere"], name=name))


def add_dead_operators(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Identity", ["image"], ["here"]))
    model.graph.node.append(helper.make_node("Identity", ["here"], ["nowhere"]))


def add_a_dead_weight(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "spare"))


CHANGES: list[Change] = [
    call_an_image,
    call_the_batch_a_channel,
    name_the_batch_otherwise,
    name_the_batch_of_an_output_otherwise,
    leave_a_size_open,
    drop_a_shape,
    reach_for_a_later_layout,
    claim_another_producer,
    claim_a_producer_version,
    claim_a_domain,
    claim_a_version,
    name_the_graph,
    annotate,
    train,
    describe_an_inner_value,
    add_a_dead_operator,
    add_dead_operators,
    add_a_dead_weight,
]


@pytest.mark.parametrize("form", ["exported", "exported_bytes", "exported_int8"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_another_frame_is_refused(change: Change, form, request):
    model = onnx.load(request.getfixturevalue(form).path)
    change(model)
    with pytest.raises(VerificationError, match=r"^model\.onnx"):
        Candidate(file_of(model), "model.onnx").check_interface()


@pytest.mark.parametrize(
    "form", ["exported", "exported_raw", "exported_bytes", "exported_half", "exported_int8"]
)
def test_the_layout_of_an_earlier_version_passes(form, request):
    model = onnx.load(request.getfixturevalue(form).path)
    assert model.ir_version < 10
    model.ir_version = 10
    Candidate(file_of(model), "model.onnx").check_interface()
