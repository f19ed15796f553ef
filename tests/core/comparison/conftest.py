"""Small comparisons: digits, a narrow perceptron, one epoch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from mtl.core.comparison.axes import Axis, component_axis
from mtl.core.comparison.comparison import Comparing, Comparison
from mtl.core.comparison.grid import Grid, Question, lay_out
from mtl.core.comparison.progress import ComparisonProgress
from mtl.core.discovery.registry import Registry
from mtl.core.execution.choosing import Hands
from mtl.core.recipe.request import Request

Make = Callable[..., Grid]


class Diary(ComparisonProgress):
    """Remembers what happened."""

    def __init__(self) -> None:
        self.trainings: list[str] = []
        self.failures: list[str] = []
        self.warnings: list[str] = []
        self.told: list[str] = []
        self.trained_when_told = -1
        self.start: tuple[int, int, int] | None = None

    def planned(self, text: str) -> None:
        self.told.append(text)
        self.trained_when_told = len(self.trainings)

    def started(self, total: int, finished: int, adopted: int) -> None:
        self.start = (total, finished, adopted)

    def trained(self, cell: Any, seconds: float, metrics: Any) -> None:
        self.trainings.append(f"{cell.title} {cell.seed}")

    def failed(self, cell: Any, reason: str) -> None:
        self.failures.append(reason)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def grid(registry: Registry) -> Make:
    """Lay out a grid over sharing schemes, or over the axes given."""

    def make(
        sharing: Any = ("none", "hard"),
        *more: Axis,
        tasks: Any = ("even", "third"),
        seeds: tuple[int, ...] = (0, 1),
        metrics: dict[str, str] | None = None,
        margins: dict[str, float] | None = None,
        against: str | None = None,
        found: Registry | None = None,
        assignments: tuple[str, ...] = (),
        epochs: int = 1,
    ) -> Grid:
        request = Request(
            tasks=tasks,
            flags={"encoder": {"name": "mlp", "hidden": [8]}, "epochs": epochs},
            assignments=("train.validation=0.8", *assignments),
        )
        axes = (*([component_axis("sharing", sharing)] if sharing else []), *more)
        return lay_out(
            Question(request, axes, seeds, metrics or {}, margins or {}, against), found or registry
        )

    return make


@pytest.fixture
def train(registry: Registry) -> Callable[..., tuple[Comparison, Diary]]:
    """Train a grid in a folder and say what happened."""

    def run(
        laid_out: Grid, path: Path, diary: Diary | None = None, found: Registry | None = None, **options: Any
    ) -> tuple[Comparison, Diary]:
        diary = diary or Diary()
        force = options.pop("force", False)
        comparing = Comparing(found or registry, Hands.chosen(registry, device="cpu"), diary, **options)
        return comparing.run(laid_out, path, force=force), diary

    return run


@pytest.fixture(scope="session")
def trained(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A small finished comparison, not to be changed."""
    request = Request(
        tasks=("even", "third"),
        flags={"encoder": {"name": "mlp", "hidden": [8]}, "epochs": 2},
        assignments=("train.validation=0.8",),
    )
    laid_out = lay_out(Question(request, (component_axis("sharing", "hard,none"),), (0, 1, 2)), registry)
    comparing = Comparing(registry, Hands.chosen(registry, device="cpu"))
    return comparing.run(laid_out, tmp_path_factory.mktemp("comparison") / "c")


@pytest.fixture
def results(trained: Comparison) -> dict[str, Any]:
    """The content of its `compare.json`, to be changed at will."""
    return deepcopy(dict(trained.results))
