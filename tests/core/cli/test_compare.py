"""`mtl compare` from the command line: what it says, what it leaves, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.training.checkpoint import CheckpointFolder

Command = Callable[..., Any]
COMPARE = (
    *("compare", "--tasks", "even,third", "--encoder", "mlp", "--epochs", "1", "--device", "cpu"),
    *("--set", "encoder.hidden=[8]", "--set", "train.validation=0.8"),
)

DEADLY = """
import os
from mtl import Component, hookimpl
from mtl.plugins.sharings.hard import Hard

@hookimpl
def mtl_components():
    yield Component("sharing", "deadly", "Ends the process that trains it", __name__ + ":Deadly")

class Deadly(Hard):
    def forward(self, image, inputs, tasks):
        # Two samples are the rehearsal's, before there are processes that train.
        if self.training and len(image) > 2:
            os._exit(7)
        return super().forward(image, inputs, tasks)
"""


def test_the_command_of_the_documentation_works_as_written(mtl: Command, tmp_path: Path) -> None:
    result = mtl(*COMPARE, "--sharing", "none,hard,cross-stitch", "--seeds", "3")
    assert result.status == 0
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["single-task", "none", "hard", "cross-stitch"]
    assert [line.split()[0].rstrip(":") for line in lines[6:]] == ["none", "hard", "cross-stitch"]
    assert "[15/15]" in result.err
    folder = tmp_path / "runs" / "compare-even-third-by-sharing"
    assert {path.name for path in folder.iterdir() if path.name[0] != "."} == {
        "plan.json",
        "cells",
        "compare.json",
        "cells.csv",
        "summary.csv",
        "report.html",
    }


def test_whose_gradients_and_the_precision_have_flags_as_in_compose(mtl: Command) -> None:
    flags = ("--balance-on", "features", "--precision", "bf16")
    result = mtl(*COMPARE, "--balancer", "imtl", *flags, "--seeds", "1", "--out", "one")
    assert result.status == 0
    fixed = json.loads(Path("one/plan.json").read_text())["recipe"]
    assert fixed["train"]["precision"] == "bf16"
    (cell,) = Path("one/cells").glob("hard-*/")
    assert "  on: features\n" in (cell / "recipe.yaml").read_text()


def test_one_seed_concludes_nothing_and_says_so(mtl: Command) -> None:
    result = mtl(*COMPARE, "--sharing", "hard", "--seeds", "1", "--out", "one")
    assert result.status == 0
    assert "hard: nothing can be concluded on even and third from 1 seed: 3 are the least" in result.out
    assert "nothing can be concluded from 1 seed: 3 are the least, 5 or more are better" in result.err
    (row,) = json.loads(Path("one/compare.json").read_text())["variants"]
    assert {item["verdict"]["outcome"] for item in row["tasks"].values()} == {"too few seeds"}


def test_json_is_the_content_of_compare_json(mtl: Command) -> None:
    result = mtl(*COMPARE, "--seeds", "0,5", "--out", "two", "--json")
    told = json.loads(result.out)
    assert told.pop("comparison") == "two"
    assert told == json.loads(Path("two/compare.json").read_text())
    assert told["seeds"] == [0, 5]


def test_a_dry_run_tells_the_cells_and_writes_nothing(mtl: Command, tmp_path: Path) -> None:
    arguments = (*COMPARE, "--sharing", "none,hard", "--set", "train.batch_size=16,32", "--dry-run")
    result = mtl(*arguments)
    assert result.status == 0
    assert len(result.out.splitlines()) == 1 + 4
    assert "40 trainings: 20 cells and 20 single-task, seeds 0, 1, 2, 3, 4" in result.err
    told = json.loads(mtl(*arguments, "--json").out)
    assert (told["trainings"], told["single_task_trainings"]) == (40, 20)
    assert f"; with {told['power']['seeds_needed']} seeds, in 80\n" in result.err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_is_finished_and_repeating_goes_on(
    mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = CheckpointFolder.save, []

    def interrupting(self: Any, *arguments: Any, **named: Any) -> None:
        save(self, *arguments, **named)
        saved.append(arguments)
        if len(saved) == 2:
            raise KeyboardInterrupt

    command = (*COMPARE, "--sharing", "hard", "--seeds", "1", "--out", "c")
    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", interrupting)
        result = mtl(*command)
    assert result.status == 130
    assert "finished trainings, kept in c: 1; repeat the command to go on" in result.err
    result = mtl(*command)
    assert result.status == 0
    assert "3 trainings: 1 finished before" in result.err


def test_several_processes_reach_the_same_and_outlive_one_of_them(mtl: Command) -> None:
    Path("deadly.py").write_text(DEADLY)
    result = mtl("--plugin", "deadly.py", *COMPARE, "--sharing", "deadly,hard", "--seeds", "1", "--jobs", "2",
                 "--out", "two/c")  # fmt: skip
    assert result.status == 3
    found = json.loads(Path("two/c/compare.json").read_text())
    dead, alive = found["variants"]
    assert dead["status"] == "failed"
    assert "the process that trained it ended with status 7" in dead["reason"]
    assert alive["status"] == "trained"
    mtl(*COMPARE, "--sharing", "hard", "--seeds", "1", "--out", "one/c")
    (alone,) = json.loads(Path("one/c/compare.json").read_text())["variants"]
    for task, row in alive["tasks"].items():
        assert row["value"]["mean"] == pytest.approx(alone["tasks"][task]["value"]["mean"], abs=0.02)


def test_a_missing_solver_among_others_is_a_row_and_the_status_says_so(mtl: Command) -> None:
    from .test_compare_messages import PLUGIN

    Path("more.py").write_text(PLUGIN)
    result = mtl("--plugin", "more.py", *COMPARE, "--balancer", "sum,solving", "--seeds", "1", "--out", "c")
    assert result.status == 5
    assert "solving: missing requirement: balancer 'solving' needs the package quicksolve" in result.out
    assert "pip install 'mtl-composer[solvers]'" in result.out
