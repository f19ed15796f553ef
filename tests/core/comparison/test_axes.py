"""How axes are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.base.errors import UsageError
from mtl.core.comparison.axes import assigned_axes, component_axis, split_values


def test_a_list_is_one_value_and_two_lists_are_two() -> None:
    single, axes = assigned_axes(["encoder.hidden=[64,32]", "encoder.widths=[64,32],[128]"])
    assert single == ("encoder.hidden=[64,32]",)
    assert [(axis.key, axis.values) for axis in axes] == [("encoder.widths", ("[64,32]", "[128]"))]


def test_quotes_and_braces_keep_commas() -> None:
    assert split_values("'a,b',{c: 1, d: 2}", "--set x") == ("'a,b'", "{c: 1, d: 2}")


@given(st.lists(st.integers(-99, 99), min_size=1, max_size=6))
def test_splitting_undoes_joining(numbers: list[int]) -> None:
    assert split_values(",".join(map(str, numbers)), "--set x") == tuple(map(str, numbers))


@pytest.mark.parametrize("text", ["a,,b", ",a", "a,", ""])
def test_an_empty_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="has an empty value"):
        split_values(text, "--sharing")


def test_a_component_with_options_is_one_value() -> None:
    axis = component_axis("sharing", ["hard", {"name": "mixing", "depth": 2}])
    assert [axis.label(value) for value in axis.values] == ["hard", "mixing(depth=2)"]
