"""How often a training is kept within an epoch is a number of steps or `shards`, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mtl.core.recipe.keeping import Every


@pytest.mark.parametrize("value", [None, 1, 250, "shards"])
def test_what_it_may_be(value: Any) -> None:
    assert TypeAdapter(Every).validate_python(value, strict=True) == value


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "often", []])
def test_what_it_may_not_be_is_told_in_words(value: Any) -> None:
    with pytest.raises(ValidationError, match="a number of steps, at least 1, or `shards`"):
        TypeAdapter(Every).validate_python(value, strict=True)
