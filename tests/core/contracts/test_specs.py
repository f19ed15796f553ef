"""Forms of images and features know their shapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.contracts import specs

sizes = st.integers(1, 64)


def test_a_map_needs_height_and_width() -> None:
    with pytest.raises(ValueError, match="both"):
        specs.FeatureSpec(3, height=2)


@given(sizes, sizes, sizes)
def test_the_size_of_a_map_is_its_flattened_length(channels: int, height: int, width: int) -> None:
    assert specs.FeatureSpec(channels, height, width).size == channels * height * width


def test_a_form_that_was_here_is_found_where_it_is_public() -> None:
    import mtl.core.contracts.specs as specs
    from mtl.contracts import Regression

    with pytest.warns(DeprecationWarning, match=r"'Regression' is imported from mtl\.contracts"):
        assert specs.Regression is Regression
    with pytest.raises(AttributeError, match="has no attribute 'Sideways'"):
        specs.Sideways  # noqa: B018
