from __future__ import annotations

import contextlib
import json

import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.exports.metadata import ModelCard, Output
from mtl.plugins.forms import Binary, Categorical, Image, Regression

names = st.text(min_size=1, max_size=12)
sizes = st.integers(1, 64)
targets = st.one_of(
    st.builds(Categorical, st.lists(names, min_size=1, max_size=4).map(tuple)),
    st.builds(Binary, names, names),
    st.builds(Regression, st.lists(names, min_size=1, max_size=4).map(tuple), names),
    st.builds(Image, st.sampled_from([1, 3]), sizes, sizes, st.sampled_from(["identity", "logit"])),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
own = {"format", "tasks", "inputs", "outputs", "sha256"}
cards = st.builds(
    ModelCard,
    st.builds(ImageSpec, st.sampled_from([1, 3]), sizes, sizes),
    st.sampled_from(["float32", "uint8"]),
    st.lists(st.builds(InputSpec, names, sizes, st.text(max_size=9)), max_size=2).map(tuple),
    st.lists(st.builds(Output, names, targets, st.booleans()), min_size=1, max_size=3).map(tuple),
    st.dictionaries(names.filter(lambda name: name not in own), values, max_size=3),
).filter(lambda card: _all_different(["image", *(item.name for item in (*card.inputs, *card.outputs))]))


def _all_different(names):
    return len(set(names)) == len(names)


@settings(deadline=None, max_examples=50)
@given(cards)
def test_reading_back_what_was_written_gives_the_same_card(card):
    properties = card.to_properties()
    assert ModelCard.from_properties(properties) == card
    assert all(text.isascii() for text in properties.values())


@settings(deadline=None, max_examples=50)
@given(cards, st.data())
def test_damaged_metadata_is_a_reason_and_never_another_exception(card, data):
    properties = card.to_properties()
    key = data.draw(st.sampled_from([f"mtl.{name}" for name in sorted(own - {"sha256"})]))
    properties[key] = data.draw(values.map(json.dumps) | st.text(max_size=20) | st.just("[Infinity]"))
    with contextlib.suppress(ValueError):
        read = ModelCard.from_properties(properties)
        assert read.to_properties().keys() == properties.keys()


def test_onnxruntime_alone_reads_the_card(exported):
    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    card = ModelCard.from_properties(session.get_modelmeta().custom_metadata_map)
    assert card.image == exported.subject.image
    assert card.inputs == exported.subject.inputs
    assert {output.name: output.target for output in card.outputs} == exported.subject.targets
    assert card.metadata == json.loads(json.dumps(exported.subject.metadata))


def test_every_input_and_output_states_its_form_and_range(exported):
    properties = onnxruntime.InferenceSession(exported.path).get_modelmeta().custom_metadata_map
    image, number = json.loads(properties["mtl.inputs"])
    assert (image["dtype"], image["shape"], image["range"]) == ("float32", ["batch", 1, 8, 8], [0, 1])
    assert (number["dtype"], number["shape"], number["range"]) == ("int64", ["batch"], [0, 4])
    described = {item["name"]: item["description"] for item in json.loads(properties["mtl.outputs"])}
    assert described == {
        "classify": "probability of each class",
        "shade": "probability of each class",
        "even-odd": "probability of 'even'",
        "count": "values in pieces",
        "de-noise": "image in 0..1",
    }


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({}, "it has no mtl metadata"),
        ({"mtl.format": "2"}, "it was written by a later mtl (format 2, this one reads 1)"),
        ({"mtl.format": "0"}, "its mtl metadata has the impossible format 0"),
        ({"mtl.format": "1"}, "its mtl metadata is damaged (KeyError: 'inputs')"),
    ],
)
def test_the_reason_says_what_is_wrong(properties, reason):
    with pytest.raises(ValueError) as caught:
        ModelCard.from_properties(properties)
    assert str(caught.value) == reason


def test_metadata_may_not_use_a_name_of_ours():
    with pytest.raises(ValueError, match="metadata may not be called outputs"):
        ModelCard.of(ImageSpec(1, 2, 2), (), {"parity": Binary()}, metadata={"outputs": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_metadata_must_be_finite_json(value):
    with pytest.raises((TypeError, ValueError)):
        ModelCard.of(ImageSpec(1, 2, 2), (), {"parity": Binary()}, metadata={"test": value})
