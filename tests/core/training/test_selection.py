"""The epoch to keep is the one with the lowest validation score, whatever sign and size the losses have."""

from __future__ import annotations

import pytest

from mtl.core.training.selection import Selection


@pytest.mark.parametrize("first", [2.0, 0.0, -2.0])
def test_a_lower_loss_has_a_lower_score(first: float) -> None:
    selection = Selection()
    start = selection.score({"a": first}, {"a": 1.0})
    assert selection.score({"a": first - 1.0}, {"a": 1.0}) < start


def test_every_task_has_its_own_best_epoch() -> None:
    selection = Selection()
    assert selection.improved({"a": 1.0, "b": 1.0}) == ("a", "b")
    assert selection.improved({"a": 0.5, "b": 1.0}) == ("a",)
    assert selection.improved({"a": 0.7, "b": 0.9}) == ("b",)
    assert selection.own == {"a": 0.5, "b": 0.9}
