"""Any two tasks that a data set serves share an encoder: trained, exported, proven.

By default each task is walked with the one before it and the one after it, and every other pair is composed;
the long tests walk all. That all tasks of a data set share one model is walked in `tests/test_matrix.py`.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.composition.composer import compose
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

from .drawing import needed, spec_of, target_of
from .walking import walk

DATASETS = ("digits", "shapes-synthetic", "image-folder", "fashion-mnist", "scenes")
"""One data set of each kind of labels; the last three are walked with the long tests."""

BRIEF = DATASETS[:2]

SHARES = 8
"""Tests that the pairs of a data set are dealt over: which pairs there are is known when data can be read."""


def pairs(registry: Registry, dataset: str, section: dict[str, Any]) -> list[tuple[str, str]]:
    """Return every pair of the built-in tasks that a data set serves."""
    spec = spec_of(registry, dataset, section)
    names = [e.component.name for e in registry.entries("task") if e.provider.distribution == HOME]
    return list(combinations([n for n in names if target_of(registry, n, dataset, spec) is not None], 2))


def ring(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs of neighbours, the last task beside the first: every task is in two."""
    names = list(dict.fromkeys(name for pair in found for name in pair))
    beside = {frozenset(pair) for pair in zip(names, [*names[1:], names[0]], strict=True)}
    return [pair for pair in found if frozenset(pair) in beside]


def recipe(dataset: str, section: dict[str, Any], pair: tuple[str, str]) -> dict[str, Any]:
    """Return a small recipe of two tasks."""
    return {
        "dataset": {"name": dataset, **section},
        "tasks": {name: {"task": name, **needed(name, dataset)} for name in pair},
        "encoder": {"name": "mlp", "hidden": [8]},
        "train": {"epochs": 1, "batch_size": 16, "validation": 0.3},
    }


def walk_each(dataset: str, section: dict[str, Any], some: list[tuple[str, str]], folder: Path) -> None:
    for pair in some:
        outcome = walk(recipe(dataset, section, pair), folder / "-".join(pair))
        assert outcome.kind == "works", f"{pair}: {outcome.said}"


@pytest.mark.parametrize("share", range(2))
@pytest.mark.parametrize("dataset", BRIEF)
def test_neighbouring_tasks_share_an_encoder(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, dataset: str, share: int
) -> None:
    section = small_data[dataset]
    walk_each(dataset, section, ring(pairs(registry, dataset, section))[share::2], tmp_path)


@pytest.mark.parametrize("dataset", BRIEF)
def test_any_two_tasks_are_composed(
    registry: Registry, small_data: dict[str, dict[str, Any]], dataset: str
) -> None:
    section = small_data[dataset]
    for pair in pairs(registry, dataset, section):
        with torch.device("meta"):  # a model without numbers negotiates as well, in no time
            compose(read(RecipeSource(recipe(dataset, section, pair)), registry), registry)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("dataset", DATASETS)
def test_any_two_tasks_share_an_encoder(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, dataset: str, share: int
) -> None:
    section = small_data[dataset]
    walk_each(dataset, section, pairs(registry, dataset, section)[share::SHARES], tmp_path)


def test_every_data_set_serves_several_tasks(
    registry: Registry, small_data: dict[str, dict[str, Any]]
) -> None:
    assert all(len(pairs(registry, dataset, small_data[dataset])) >= 6 for dataset in DATASETS)


def test_every_task_has_two_neighbours() -> None:
    found = list(combinations("abcde", 2))
    chosen = ring(found)
    assert len(chosen) == 5
    assert all(sum(name in pair for pair in chosen) == 2 for name in "abcde")
