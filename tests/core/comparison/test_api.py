"""`mtl.compare`: the command line's names and options, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mtl
from mtl.core.base.errors import RecipeError, UsageError
from mtl.core.discovery.registry import Registry

QUICK: dict[str, Any] = {
    "encoder": {"name": "mlp", "hidden": [8]},
    "epochs": 1,
    "seeds": 1,
    "set": {"train.validation": 0.8},
    "device": "cpu",
}


def test_components_with_options_and_any_axis(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    comparison = mtl.compare(
        tasks={"even": {"task": "parity"}, "third": "third"},
        sharing=["hard", {"name": "cross-stitch", "self_weight": 0.5}],
        axes={"tasks.even.weight": [0.5, 2]},
        metrics={"third": "f1"},
        **QUICK,
    )
    assert comparison.path == Path("runs/compare-even-third-by-sharing-even.weight")
    assert [row["name"] for row in comparison.results["variants"]] == [
        "hard, even.weight=0.5",
        "hard, even.weight=2",
        "cross-stitch(self_weight=0.5), even.weight=0.5",
        "cross-stitch(self_weight=0.5), even.weight=2",
    ]
    assert comparison.results["tasks"]["third"]["metric"] == "f1"
    assert len(comparison.verdicts) == 4
    assert isinstance(comparison, mtl.Comparison)


def test_another_question_gets_another_folder_and_the_same_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tasks = ["even", "third"]
    first = mtl.compare(tasks, **QUICK)
    other = mtl.compare(tasks, **{**QUICK, "set": {"train.validation": 0.7}})
    again = mtl.compare(tasks, **QUICK)
    assert [found.path.name for found in (first, other, again)] == [
        "compare-even-third-by-seed",
        "compare-even-third-by-seed-2",
        "compare-even-third-by-seed",
    ]
    assert again.results == first.results


def test_a_registry_cannot_go_to_other_processes(registry: Registry) -> None:
    with pytest.raises(UsageError, match="other processes"):
        mtl.compare(["even", "third"], registry=registry, jobs=2, **QUICK)


@pytest.mark.parametrize("do", [mtl.compare, mtl.compose])
@pytest.mark.parametrize("flag", ["balance_on", "precision"])
def test_flags_of_the_command_line_are_read_in_python(flag: str, do: Any) -> None:
    with pytest.raises(RecipeError, match=f'got "sideways"|{flag}'):
        do(["even", "third"], balancer="mgda", **{flag: "sideways"})
