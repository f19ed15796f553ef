"""How seeds are named, on the command line and in Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.core.base.errors import UsageError
from mtl.core.recipe.seed_list import read_seeds


@pytest.mark.parametrize(
    ("text", "seeds"), [("5", (0, 1, 2, 3, 4)), ("0,3,7", (0, 3, 7)), ("7,", (7,)), ("1", (0,))]
)
def test_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert read_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "x", "1,x", "-1", "3,3", "", "1.5", "1,,2", "²", "1001", ","])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        read_seeds(text)


@pytest.mark.parametrize("given", [[1.5], [True], [None], True])
def test_what_is_no_whole_number_is_none(given: Any) -> None:
    with pytest.raises(UsageError, match="whole numbers"):
        read_seeds(given)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True))
def test_a_list_of_seeds_means_these(seeds: list[int]) -> None:
    assert read_seeds(seeds) == read_seeds("".join(f"{seed}," for seed in seeds)) == tuple(seeds)


@given(st.integers(1, 100), st.integers(0, 1000))
def test_a_number_of_seeds_means_so_many_in_a_row(count: int, first: int) -> None:
    assert read_seeds(count, first) == read_seeds(str(count), first) == tuple(range(first, first + count))


REFUSED: dict[str, tuple[Any, str]] = {
    "repeat": ([1, 2, 1], "seed 1 is given more than once"),
    "negative": ([1, -2], "a seed is not negative, got -2"),
    "none": (0, "1 to 1000 seeds are possible, got 0"),
    "empty": ([], "1 to 1000 seeds are possible, got 0"),
    "word": ("three", "seeds must be whole numbers, got 'three'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_seeds_are_refused(case: str) -> None:
    seeds, message = REFUSED[case]
    with pytest.raises(UsageError) as caught:
        read_seeds(seeds)
    assert caught.value.message == message


def test_a_first_seed_has_no_meaning_beside_a_list() -> None:
    assert read_seeds("2", 7, asked=True) == (7, 8)
    with pytest.raises(UsageError, match="seed 7 has no meaning beside the list of seeds '3,5'"):
        read_seeds("3,5", 7, asked=True)
