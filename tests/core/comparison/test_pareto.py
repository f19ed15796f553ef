"""The Pareto front against its definition."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from mtl.core.comparison.pareto import front
from mtl.core.comparison.yardsticks import Yardstick

YARDSTICKS = {
    "a": Yardstick("a", "accuracy", "higher", (0, 1)),
    "b": Yardstick("b", "error", "lower", (0, inf)),
}
plane = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)


@given(plane)
def test_nothing_beats_the_front_and_the_front_beats_the_rest(points: list[tuple[int, int]]) -> None:
    named = {str(index): {"a": a, "b": b} for index, (a, b) in enumerate(points)}
    kept = front(named, YARDSTICKS)
    assert kept

    def better(x: str, y: str) -> bool:
        first, second = named[x], named[y]
        no_worse = first["a"] >= second["a"] and first["b"] <= second["b"]
        return no_worse and first != second

    for name in named:
        assert (name in kept) != any(better(other, name) for other in named)
