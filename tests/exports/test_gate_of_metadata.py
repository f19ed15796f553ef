"""What a file says about itself is compared as it stands: no leaf of it may say anything else."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import VerificationError
from mtl.exports.export import Export
from mtl.exports.metadata import ModelCard
from mtl.exports.onnx_model import file_of
from mtl.exports.verification import verify_existing, verify_written

from .test_hostile_models import changed, leaves


def spoiled(value: object) -> list[str]:
    """Return other JSON in the place of a leaf: of its type where there is one, and of another."""
    if isinstance(value, bool):
        return [json.dumps(not value), "null"]
    if isinstance(value, int | float):
        return [json.dumps(value + 1), json.dumps(float(value) + 1e-9), json.dumps(str(value))]
    if isinstance(value, str):
        return [json.dumps(value + "x"), json.dumps(value[:-1]), "7"]
    return ['"x"', "[1]", '{"x": 1}']


def leaf(text: str, path: tuple) -> object:
    value = json.loads(text)
    for key in path:
        value = value[key]
    return value


def verified(exported, model: onnx.ModelProto) -> dict[str, object]:
    return verify_existing(exported.subject, file_of(model), Path("model.onnx"), ("onnxruntime",))[
        "onnxruntime"
    ]


def refused(exported, model: onnx.ModelProto) -> None:
    with pytest.raises(VerificationError):
        verify_written(Export(exported.subject), file_of(model), "model.onnx")


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_changed_leaf_of_the_metadata_is_refused(exported, data):
    model = onnx.load(exported.path)
    item = data.draw(st.sampled_from([item for item in model.metadata_props if item.key != "mtl.sha256"]))
    path = data.draw(st.sampled_from(leaves(json.loads(item.value))))
    other = data.draw(st.sampled_from(spoiled(leaf(item.value, path))))
    if json.dumps(leaf(item.value, path)) != other:
        item.value = changed(item.value, path, other)
        refused(exported, model)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("mtl.inputs", '"range": [0, 1]', '"range": [0, 255]'),
        ("mtl.inputs", '"description": "a number to add"', '"description": "a number to subtract"'),
        ("mtl.outputs", '"values in pieces"', '"values in kilograms"'),
        ("mtl.outputs", '"dtype": "float32"', '"dtype": "float16"'),
        ("mtl.outputs", '["batch", 3]', '["batch", 7]'),
        ("mtl.outputs", '"raw": false', '"raw": false, "unit": "metres"'),
        ("mtl.recipe_hash", '"abc"', '"abc" '),
    ],
)
def test_what_was_passed_over_once_is_refused(key, old, new, exported):
    model = onnx.load(exported.path)
    item = next(item for item in model.metadata_props if item.key == key)
    assert old in item.value
    item.value = item.value.replace(old, new, 1)
    refused(exported, model)


def test_a_new_key_is_refused(exported):
    model = onnx.load(exported.path)
    item = model.metadata_props.add()
    item.key, item.value = "mtl.author", '"me"'
    refused(exported, model)


def test_the_versions_of_an_older_file_may_be_others_and_nothing_but_texts(exported):
    for value, right in (('{"torch": "1.0"}', True), ('{"torch": 1}', False), ("[]", False)):
        model = onnx.load(exported.path)
        next(item for item in model.metadata_props if item.key == "mtl.versions").value = value
        if right:
            assert verified(exported, model)["passed"]
        else:
            with pytest.raises(VerificationError, match=r"metadata mtl\.versions does not agree"):
                verified(exported, model)


def test_the_sum_is_no_part_of_what_a_card_says(exported):
    card = Export(exported.subject).card
    properties = {**card.to_properties(), "mtl.sha256": '"ab"'}
    assert ModelCard.from_properties(properties) == card
