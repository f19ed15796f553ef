"""A comparison with the same search for every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.comparison.axes import component_axis
from mtl.core.comparison.comparison import Comparing, Comparison
from mtl.core.comparison.grid import Question, lay_out
from mtl.core.discovery.registry import Registry
from mtl.core.execution.choosing import Hands
from mtl.core.recipe.request import Request
from mtl.core.search.comparing import EqualSearch, lay_out_searches
from mtl.core.search.progress import SearchProgress
from mtl.core.search.searching import Searching
from mtl.core.search.space import read_space


class Counted(SearchProgress):
    """Counts trials by what is searched."""

    def __init__(self) -> None:
        self.trials: list[str] = []
        self.what = ""

    def about(self, what: str, trials: int) -> None:
        self.what = what

    def ended(self, trial: object, objectives: object) -> None:
        self.trials.append(self.what)


def compared(registry: Registry, path: Path, rates: str = "0.001,0.03") -> tuple[Comparison, list[str]]:
    """Compare hard sharing with single-task training, each row with the better of two learning rates."""
    request = Request(
        tasks=["even", "third"],
        flags={"encoder": {"name": "mlp", "hidden": [8]}, "epochs": 1},
        assignments=("train.validation=0.9",),
    )
    grid = lay_out(Question(request, (component_axis("sharing", "hard"),), (0,)), registry)
    asked = EqualSearch(read_space([f"train.learning_rate={rates}"], "--search"), 2)
    hands = Hands.chosen(registry, device="cpu")
    searches, told = lay_out_searches(grid, asked, registry), Counted()
    found = searches.searched(Searching(registry, hands, told, judges=False), path)
    comparing = Comparing(registry, hands, judge=found.judge)
    return comparing.run(found.grid, path), told.trials


def test_every_row_has_the_same_budget_and_its_own_best_values(registry: Registry, tmp_path: Path) -> None:
    comparison, trials = compared(registry, tmp_path / "c")
    rows = ["even alone, mlp", "third alone, mlp", "hard"]
    assert trials == [row for row in rows for _ in range(2)]
    assert list(comparison.results["search"]["found"]) == rows
    said = "every row was searched for first with the same budget, 2 trials each over train.learning_rate"
    assert any(note.startswith(said) for note in comparison.results["notes"])
    assert not list((tmp_path / "c-search").glob("*/trials/*/metrics.json"))  # test is for the cells
    again, trials = compared(registry, tmp_path / "c")
    assert (trials, again.results["cells"]) == ([], comparison.results["cells"])
    with pytest.raises(UsageError, match="another"):
        compared(registry, tmp_path / "c", "0.001,0.02")
