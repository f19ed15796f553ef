"""Forms survive JSON, and know their shapes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core import specs

names = st.lists(st.text(min_size=1), min_size=1, max_size=4).map(tuple)
sizes = st.integers(1, 64)
targets = st.one_of(
    st.builds(specs.Categorical, names),
    st.builds(specs.Binary, st.text(), st.text()),
    st.builds(specs.Regression, names, st.text()),
    st.builds(specs.Image, sizes, sizes, sizes, st.sampled_from(["identity", "logit"])),
)


@given(targets)
def test_a_target_survives_json(target: specs.TargetSpec) -> None:
    assert specs.target_from_json(json.loads(json.dumps(specs.target_to_json(target)))) == target


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown target form 'box'; known: categorical"):
        specs.target_from_json({"form": "box"})


def test_a_map_needs_height_and_width() -> None:
    with pytest.raises(ValueError, match="both"):
        specs.FeatureSpec(3, height=2)


@given(sizes, sizes, sizes)
def test_the_size_of_a_map_is_its_flattened_length(channels: int, height: int, width: int) -> None:
    assert specs.FeatureSpec(channels, height, width).size == channels * height * width
