"""Whatever is combined at random trains, exports and is proven, or is refused before it trains.

Sixteen compositions are the same in every run and six are drawn anew; `.ci/long` walks three thousand.
A fault names the seed that draws it again.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mtl.core.discovery.registry import Registry
from mtl.exports.elsewhere.environment import is_installed
from mtl.exports.elsewhere.runtime import RUNTIMES_ELSEWHERE

from .conftest import fresh_seed
from .drawing import ELSEWHERE, Draw
from .walking import Outcome, walk

ALWAYS = range(16)
ANEW = 6
MANY = int(os.environ.get("MTL_COMPOSITIONS", "3000"))
MANY_ENOUGH = 100
FOR_OTHERS = min(MANY, 20)
CHOSEN = os.environ.get("MTL_COMPOSITION")


def drawn_and_walked(
    registry: Registry, data: dict[str, Any], seed: int, folder: Path, exporter: str | None = None
) -> Outcome:
    drawn = Draw(registry, data, seed)
    tree = drawn.recipe() if exporter is None else drawn.recipe_for(exporter)
    # What other commands do to a run, and resuming, is walked for a part of the runs: it costs as much again.
    then = {1: ("evaluate",), 2: ("verify",)}.get(seed % 6, ())
    outcome = walk(tree, folder / "walk", then=then, interrupt=seed % 12 == 0)
    which = "chosen" if exporter is None else f"runtimes[{exporter}]"
    again = f"MTL_COMPOSITION={seed} python -m pytest -m '' {Path(__file__).name} -k '{which}'"
    assert outcome.kind != "fault", f"{outcome.said}\nrecipe: {tree}\nagain: {again}"
    return outcome


@pytest.mark.parametrize("seed", ALWAYS)
def test_a_composition(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, seed: int
) -> None:
    drawn_and_walked(registry, small_data, seed, tmp_path)


@pytest.mark.parametrize("index", range(ANEW))
def test_a_composition_drawn_anew(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, index: int
) -> None:
    drawn_and_walked(registry, small_data, fresh_seed() + index, tmp_path)


@pytest.mark.skipif(CHOSEN is None, reason="walks the composition that MTL_COMPOSITION names")
def test_the_composition_that_was_chosen(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    drawn_and_walked(registry, small_data, int(CHOSEN or 0), tmp_path)


def test_most_draws_are_trained(registry: Registry, small_data: dict[str, dict[str, Any]]) -> None:
    """A walk of refusals would show little: two draws in five at least are complete recipes."""
    from mtl.core.base.errors import MtlError
    from mtl.core.composition.composer import compose
    from mtl.core.recipe.recipe_reader import read
    from mtl.core.recipe.recipe_source import RecipeSource

    fates: Counter[bool] = Counter()
    for seed in range(40):
        try:
            compose(read(RecipeSource(Draw(registry, small_data, seed).recipe()), registry), registry)
        except MtlError:
            fates[False] += 1
        else:
            fates[True] += 1
    assert fates[True] >= 16, fates


@pytest.mark.slow
@pytest.mark.parametrize("exporter", ELSEWHERE)
def test_compositions_for_other_runtimes(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, exporter: str
) -> None:
    runtime = RUNTIMES_ELSEWHERE[exporter]
    if not is_installed(runtime):
        pytest.skip(f"{runtime.title} is not installed: no composition is walked for it")
    seeds = range(FOR_OTHERS) if CHOSEN is None else [int(CHOSEN)]
    kinds = Counter(
        drawn_and_walked(registry, small_data, seed, tmp_path / str(seed), exporter).kind for seed in seeds
    )
    assert kinds["works"] > 0, kinds


@pytest.mark.slow
@pytest.mark.parametrize("share", range(20))
def test_many_compositions(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, share: int
) -> None:
    kinds = Counter(
        drawn_and_walked(registry, small_data, seed, tmp_path / str(seed)).kind
        for seed in range(len(ALWAYS) + share, len(ALWAYS) + MANY, 20)
    )
    # A share of a walk that was shortened is too small to count in.
    assert kinds.total() < MANY_ENOUGH or kinds["works"] > kinds.total() / 4, kinds
