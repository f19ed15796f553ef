"""Random numbers depend on their names alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.randomness import Random, SampleRandom, StepRandom, derive_seed

seeds = st.integers(0, 2**31)


@given(seeds, st.permutations(range(8)))
@settings(deadline=None, max_examples=25)
def test_a_sample_gets_the_same_numbers_in_any_order(seed: int, order: list[int]) -> None:
    samples = torch.arange(8)
    straight = SampleRandom(samples, seed=seed).stream("noise").normal(2, 3)
    shuffled = SampleRandom(samples[order], seed=seed).stream("noise").normal(2, 3)
    assert torch.equal(straight[order], shuffled)


@given(seeds)
@settings(deadline=None, max_examples=25)
def test_a_step_gets_the_same_numbers_again(seed: int) -> None:
    first, second = (StepRandom(4, "cpu", seed, "train", 3).stream("x").uniform(5) for _ in range(2))
    assert torch.equal(first, second)


def test_streams_are_independent_of_what_was_drawn_before() -> None:
    random = StepRandom(4, "cpu", 0)
    before = random.stream("b").uniform(3)
    random.stream("a").uniform(100)
    assert torch.equal(before, random.stream("b").uniform(3))


@pytest.mark.parametrize("purpose", ["x", "y"])
def test_successive_draws_differ(purpose: str) -> None:
    random = SampleRandom(torch.arange(4), seed=0).stream(purpose)
    assert not torch.equal(random.uniform(3), random.uniform(3))


def sources() -> list[Random]:
    return [SampleRandom(torch.arange(2000), seed=5), StepRandom(2000, "cpu", 5)]


@pytest.mark.parametrize("random", sources(), ids=["sample", "step"])
def test_uniform_numbers_fill_the_unit_interval_evenly(random: Random) -> None:
    drawn = random.uniform(50)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts = torch.histc(drawn, 10, 0, 1)
    assert ((counts / 10_000 - 1).abs() < 0.05).all()


@pytest.mark.parametrize("random", sources(), ids=["sample", "step"])
def test_normal_numbers_have_mean_0_and_deviation_1(random: Random) -> None:
    drawn = random.normal(50)
    assert abs(float(drawn.mean())) < 0.02
    assert abs(float(drawn.std()) - 1) < 0.02
    assert torch.isfinite(drawn).all()


@pytest.mark.parametrize("random", sources(), ids=["sample", "step"])
def test_integers_reach_both_ends(random: Random) -> None:
    assert sorted(random.integers(10, 20).unique().tolist()) == list(range(10))


@given(st.lists(st.one_of(st.text(), st.integers()), max_size=4), seeds)
@settings(deadline=None, max_examples=25)
def test_a_derived_seed_fits_a_generator(names: list[str | int], seed: int) -> None:
    torch.Generator().manual_seed(derive_seed(seed, *names))


def test_a_derived_seed_tells_text_from_numbers() -> None:
    assert derive_seed(0, "1") != derive_seed(0, 1)
