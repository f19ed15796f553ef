"""Any two tasks that a data set serves share an encoder: trained, exported, proven."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from mtl.core.discovery.plugin_loading import HOME
from mtl.core.discovery.registry import Registry

from .drawing import needed, spec_of, target_of
from .walking import walk

DATASETS = ("digits", "shapes-synthetic", "image-folder", "fashion-mnist", "scenes")
"""One data set of each kind of labels; the last three are walked with the long tests."""

LONG = DATASETS[2:]

SHARES = 8
"""Tests that the pairs of a data set are dealt over: which pairs there are is known when data can be read."""


def pairs(registry: Registry, dataset: str, section: dict[str, Any]) -> list[tuple[str, str]]:
    """Return every pair of the built-in tasks that a data set serves."""
    spec = spec_of(registry, dataset, section)
    names = [e.component.name for e in registry.entries("task") if e.provider.distribution == HOME]
    return list(combinations([n for n in names if target_of(registry, n, dataset, spec) is not None], 2))


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    "dataset", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in DATASETS]
)
def test_any_two_tasks_share_an_encoder(
    registry: Registry, small_data: dict[str, dict[str, Any]], tmp_path: Path, dataset: str, share: int
) -> None:
    section = small_data[dataset]
    for one, other in pairs(registry, dataset, section)[share::SHARES]:
        tree = {
            "dataset": {"name": dataset, **section},
            "tasks": {name: {"task": name, **needed(name, dataset)} for name in (one, other)},
            "encoder": {"name": "mlp", "hidden": [8]},
            "train": {"epochs": 1, "batch_size": 16, "validation": 0.3},
        }
        outcome = walk(tree, tmp_path / f"{one}-{other}")
        assert outcome.kind == "works", f"{one}, {other}: {outcome.said}"


def test_every_data_set_serves_several_tasks(
    registry: Registry, small_data: dict[str, dict[str, Any]]
) -> None:
    assert all(len(pairs(registry, dataset, small_data[dataset])) >= 6 for dataset in DATASETS)
