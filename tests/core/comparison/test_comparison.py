"""A comparison is trained once, survives what happens to it, and says what it did."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy import stats

from mtl.core.base.errors import UsageError
from mtl.core.base.workplace import enter
from mtl.core.comparison import running
from mtl.core.comparison.axes import Axis
from mtl.core.comparison.cells import Cell
from mtl.core.comparison.comparison import Comparison
from mtl.core.comparison.folder import ComparisonFolder
from mtl.core.comparison.grid import Grid
from mtl.core.contracts.executor import JobEnding
from mtl.core.contracts.hookspecs import hookimpl
from mtl.core.contracts.records import Component
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Registry, discover
from mtl.core.execution import cells
from mtl.core.folders.run_folder import RunFolder
from mtl.core.training.checkpoint import CheckpointFolder
from mtl.plugins.balancers.sum import Sum
from mtl.plugins.datasets.digits import Digits

from .conftest import Diary

Make = Callable[..., Grid]
Train = Callable[..., tuple[Comparison, Diary]]


class Diverging(Sum):
    """Gives weights that are not finite from the first step on."""

    def weights(self, losses: torch.Tensor, gradients: torch.Tensor | None) -> torch.Tensor:
        raise RuntimeError("the balancer broke")


class Plugin:
    @hookimpl
    def mtl_components(self) -> list[Component]:
        return [Component("balancer", "diverging", "Breaks", f"{__name__}:Diverging")]


def test_it_is_trained_once_and_its_files_agree(grid: Make, train: Train, tmp_path: Path) -> None:
    laid_out = grid(seeds=(0, 1, 2))
    comparison, diary = train(laid_out, tmp_path / "c")
    assert diary.start == (12, 0, 0)
    assert len(diary.trainings) == 12
    assert comparison.exit_status == 0
    assert json.loads((tmp_path / "c" / "compare.json").read_text()) == comparison.results
    again, diary = train(laid_out, tmp_path / "c")
    assert diary.start == (12, 12, 0)
    assert diary.trainings == []
    assert again.results == comparison.results

    cells = list(csv.DictReader(io.StringIO((tmp_path / "c" / "cells.csv").read_text())))
    (value,) = [
        float(row["value"])
        for row in cells
        if (row["name"], row["seed"], row["task"], row["metric"]) == ("hard", "1", "third", "accuracy")
    ]
    cell = next(item for item in comparison.results["cells"] if item["name"] == "hard" and item["seed"] == 1)
    run = json.loads((tmp_path / "c" / cell["folder"] / "metrics.json").read_text())
    assert value == run["test"]["third"]["accuracy"] == cell["metrics"]["third"]["accuracy"]

    rows = list(csv.DictReader(io.StringIO((tmp_path / "c" / "summary.csv").read_text())))
    assert [(row["name"], row["task"]) for row in rows] == [
        ("none", "even"),
        ("none", "third"),
        ("hard", "even"),
        ("hard", "third"),
    ]
    assert comparison.results["method"]["comparisons"]["tasks"] <= 4
    assert [cell["channels_last"] for cell in comparison.results["cells"]] == [False] * 12


def test_a_gain_is_the_difference_of_two_means(grid: Make, train: Train, tmp_path: Path) -> None:
    results = train(grid("hard", seeds=(0, 1, 2)), tmp_path / "c")[0].results
    multitask, alone = (
        [cell["metrics"]["third"]["accuracy"] for cell in results["cells"] if cell["task"] == task]
        for task in (None, "third")
    )
    gain = results["variants"][0]["tasks"]["third"]["gain"]
    assert gain["mean"] == pytest.approx(sum(multitask) / 3 - sum(alone) / 3)
    reference = stats.ttest_ind(multitask, alone, equal_var=False)
    assert gain["p"] == pytest.approx(reference.pvalue)
    assert gain["interval"] == pytest.approx(list(reference.confidence_interval(0.96)))


def test_separate_encoders_are_the_single_task_run_of_the_first_task(
    grid: Make, train: Train, tmp_path: Path
) -> None:
    """`none` starts its first encoder as a single-task run does: with the same seeds both are one."""
    results = train(grid("none"), tmp_path / "c")[0].results
    gain = results["variants"][0]["tasks"]["even"]["gain"]
    assert gain["mean"] == 0.0


def test_an_interrupted_cell_ends_with_the_same_numbers(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out = grid("hard", seeds=(0,), epochs=2)
    whole = train(laid_out, tmp_path / "whole" / "c")[0].results
    save, saved = CheckpointFolder.save, []

    def interrupting(self: Any, *arguments: Any, **named: Any) -> None:
        save(self, *arguments, **named)
        saved.append(arguments)
        if len(saved) == 3:  # the second cell, after its first epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(CheckpointFolder, "save", interrupting)
    diary = Diary()
    with pytest.raises(KeyboardInterrupt):
        train(laid_out, tmp_path / "part" / "c", diary)
    assert len(diary.trainings) == 1
    continued, diary = train(laid_out, tmp_path / "part" / "c")
    assert diary.start == (3, 1, 0)
    # One epoch of the second cell and two of the third: what was done is not done again.
    assert len(saved) == 3 + 1 + 2

    def numbers(results: Any) -> Any:
        return [(cell["name"], cell["seed"], cell["metrics"]) for cell in results["cells"]]

    assert numbers(continued.results) == numbers(whole)


def test_more_seeds_train_only_what_is_new(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    _, diary = train(grid(("hard", "none"), seeds=(0, 1)), tmp_path / "c")
    assert diary.start == (8, 3, 0)


def test_a_comparison_beside_it_lends_its_single_task_runs(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "first")
    comparison, diary = train(grid("none", seeds=(0,)), tmp_path / "second")
    assert diary.start == (3, 0, 2)
    assert diary.trainings == ["none 0"]
    shutil.rmtree(tmp_path / "first")
    assert train(grid("none", seeds=(0,)), tmp_path / "second")[0].results == comparison.results


def test_nothing_is_taken_from_other_code_or_a_changed_result(
    grid: Make, train: Train, tmp_path: Path
) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "first")
    cells = sorted((tmp_path / "first" / "cells").glob("*alone*/"))
    mark = json.loads((cells[0] / "cell.json").read_text())
    mark["origin"]["code"] = "another"
    (cells[0] / "cell.json").write_text(json.dumps(mark))
    (cells[1] / "metrics.json").write_text("{}")
    assert train(grid("none", seeds=(0,)), tmp_path / "second")[1].start == (3, 0, 0)


def test_cells_of_different_data_are_told_and_not_lent(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    for path in (tmp_path / "c" / "cells").glob("*alone*/cell.json"):
        mark = json.loads(path.read_text())
        mark["origin"]["data"] = "what was there before"
        path.write_text(json.dumps(mark))
    notes = train(grid("hard", seeds=(0,)), tmp_path / "c")[0].results["notes"]
    assert notes == ["the cells were not all trained alike (data differ); --force trains all of them again"]
    assert train(grid("none", seeds=(0,)), tmp_path / "other")[1].start == (3, 0, 0)


def test_cells_of_different_code_in_one_comparison_are_told(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    path = next((tmp_path / "c" / "cells").glob("hard*/")) / "cell.json"
    mark = json.loads(path.read_text())
    mark["origin"]["torch"] = "1.0"
    path.write_text(json.dumps(mark))
    notes = train(grid("hard", seeds=(0,)), tmp_path / "c")[0].results["notes"]
    assert notes == ["the cells were not all trained alike (torch differ); --force trains all of them again"]


@pytest.mark.parametrize("damage", ["history.csv", "cell.json", "gone", "folder", "no origin"])
def test_a_damaged_cell_is_told_and_trained_again(
    damage: str, grid: Make, train: Train, tmp_path: Path
) -> None:
    laid_out = grid("hard", seeds=(0,))
    before = train(laid_out, tmp_path / "c")[0].results
    path = next((tmp_path / "c" / "cells").glob("hard*/"))
    if damage == "gone":
        (path / "metrics.json").unlink()
    elif damage == "folder":
        (path / "recipe.yaml").unlink()
        (path / "recipe.yaml").mkdir()
    elif damage == "no origin":
        mark = json.loads((path / "cell.json").read_text())
        (path / "cell.json").write_text(json.dumps(mark | {"origin": 5}))
    else:
        (path / damage).write_text('{"key"')
    after, diary = train(laid_out, tmp_path / "c")
    assert diary.trainings == ["hard 0"]
    assert len(diary.warnings) == 1
    assert "the cell is trained again" in diary.warnings[0]
    assert after.results["cells"][2]["metrics"] == before["cells"][2]["metrics"]


def test_a_cell_that_fails_is_a_row_and_the_others_go_on(grid: Make, train: Train, tmp_path: Path) -> None:
    from mtl.core.comparison.axes import component_axis

    found = discover()
    found.manager.register(Plugin(), name="tests/diverging")
    registry = Registry(found.manager, [*found.providers, Provider("diverging", "tests", "")])
    laid_out = grid("hard", component_axis("balancer", "diverging,sum"), found=registry, seeds=(0, 1))
    comparison, diary = train(laid_out, tmp_path / "c", found=registry)
    told = (
        "balancer 'diverging' of tests failed while it trained, in epoch 1: RuntimeError: the balancer broke"
    )
    assert [reason.partition(" (")[0] for reason in diary.failures] == [told] * 2
    assert comparison.exit_status == 3
    failed, whole = comparison.results["variants"]
    assert failed["status"] == "failed"
    assert failed["sentence"].startswith(f"diverging: failed: {told}")
    assert whole["status"] == "trained"
    assert "the balancer broke" in (tmp_path / "c" / "report.html").read_text()
    # A failed cell is tried again, a finished one is not.
    assert train(laid_out, tmp_path / "c", found=registry)[1].start == (8, 6, 0)


def test_what_every_training_warns_of_is_told_once_and_counted(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warned(runner: running.Runner, missing: Sequence[Cell]) -> Iterator[JobEnding]:
        for number, cell in enumerate(missing):
            yield JobEnding(cell.key, "no luck", 2, ("all alike", f"only {number}", "all alike"))

    monkeypatch.setattr(running.Runner, "_train", warned)
    laid_out = grid("hard", seeds=(0,))
    _, diary = train(laid_out, tmp_path / "c")
    count = len(diary.failures)
    assert count == 3
    assert [text.rpartition(": ")[2] for text in diary.warnings if "alike" in text] == ["all alike"] * 2
    assert diary.warnings[-1] == "3 trainings: all alike"
    assert [text.rpartition(": ")[2] for text in diary.warnings if "only" in text] == [
        "only 0",
        "only 1",
        "only 2",
    ]


def test_a_single_task_run_that_fails_leaves_its_task_unknown(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = cells.train

    def failing(pipeline: Any, recipe: Any, path: Path) -> None:
        if path.name.startswith("third-alone"):
            raise UsageError("no luck")
        original(pipeline, recipe, path)

    monkeypatch.setattr(cells, "train", failing)
    comparison, _ = train(grid("hard", seeds=(0, 1, 2)), tmp_path / "c")
    row = comparison.results["variants"][0]
    assert row["tasks"]["third"]["verdict"]["outcome"] == "not known"
    assert row["tasks"]["third"]["gain"] is None
    assert row["delta_m"] is None
    assert comparison.exit_status == 2


def test_another_question_is_refused_and_force_replaces_it(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    with pytest.raises(UsageError, match="holds another comparison: recipe: train: epochs 1 there, 2 here"):
        train(grid("hard", seeds=(0,), epochs=2), tmp_path / "c")
    _, diary = train(grid("hard", seeds=(0,), epochs=2), tmp_path / "c", force=True)
    assert diary.start == (3, 0, 0)
    assert not list(tmp_path.glob(".*"))


def test_force_keeps_the_old_comparison_until_the_new_one_is_complete(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")

    def interrupted(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(grid("hard", seeds=(0,), epochs=2), tmp_path / "c", force=True)
    assert (tmp_path / ".c.replaced" / "compare.json").is_file()
    train(grid("hard", seeds=(0,), epochs=2), tmp_path / "c")
    assert not (tmp_path / ".c.replaced").exists()


def test_force_trains_the_same_question_again(grid: Make, train: Train, tmp_path: Path) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "beside")
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    _, diary = train(grid("hard", seeds=(0,)), tmp_path / "c", force=True)
    assert diary.start == (3, 0, 0)
    assert len(diary.trainings) == 3


def test_force_keeps_the_old_comparison_while_cells_fail(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> None:
        raise UsageError("no luck")

    train(grid("hard", seeds=(0,)), tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(cells, "train", failing)
        _, diary = train(grid("hard", seeds=(0,)), tmp_path / "c", force=True)
    assert (tmp_path / ".c.replaced" / "compare.json").is_file()
    assert "is kept in" in diary.warnings[-1]
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    assert not (tmp_path / ".c.replaced").exists()


def test_force_leaves_a_comparison_alone_that_somebody_works_on(
    grid: Make, train: Train, tmp_path: Path
) -> None:
    train(grid("hard", seeds=(0,)), tmp_path / "c")
    with enter(tmp_path / "c", print), pytest.raises(UsageError, match=r"is at work in .*: process "):
        train(grid("hard", seeds=(0,)), tmp_path / "c", force=True)
    assert (tmp_path / "c" / "compare.json").is_file()


def test_two_at_once_in_one_folder_are_refused(grid: Make, tmp_path: Path) -> None:
    plan = grid("hard").plan()
    refused = pytest.raises(UsageError, match="another process is at work in")
    first, second = (ComparisonFolder.open(tmp_path / "c", plan, print, seeds=2) for _ in range(2))
    with first, refused, second:
        pass
    with ComparisonFolder.open(tmp_path / "c", plan, print, seeds=2):
        pass


def test_an_exported_comparison_has_a_verified_model_in_every_cell(
    grid: Make, train: Train, tmp_path: Path
) -> None:
    laid_out = grid("hard", seeds=(0,))
    plain = train(laid_out, tmp_path / "c")[0].results
    comparison, _ = train(laid_out, tmp_path / "c", publishes=True)
    for cell in comparison.results["cells"]:
        assert (tmp_path / "c" / cell["folder"] / "verify.json").is_file()
    assert [cell["metrics"] for cell in comparison.results["cells"]] == [
        cell["metrics"] for cell in plain["cells"]
    ]


def test_nothing_is_lent_of_data_that_say_not_what_they_read(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Digits, "sources", lambda self: None)
    train(grid("hard", seeds=(0,)), tmp_path / "first")
    assert train(grid("none", seeds=(0,)), tmp_path / "second")[1].start == (3, 0, 0)


def test_every_task_can_be_judged_at_its_own_best_epoch(grid: Make, train: Train, tmp_path: Path) -> None:
    rule = Axis("train.select", ("best", "per-task"))
    fast = "train.learning_rate=0.2"
    laid_out = grid("hard", rule, seeds=(0,), epochs=4, assignments=(fast,))
    results = train(laid_out, tmp_path / "c")[0].results
    alone, one, own = [
        [cell for cell in results["cells"] if cell["name"].startswith(name)]
        for name in ("", "select=best", "select=per-task")
    ]
    assert len(alone) == 2 + 1 + 1  # both rules are held against the same single-task runs
    assert isinstance(one[0]["chosen_epoch"], int)
    run = RunFolder(tmp_path / "c" / own[0]["folder"])
    for task, epoch in own[0]["chosen_epoch"].items():
        losses = {row["epoch"]: row[f"validation/{task}/loss"] for row in run.read_history()}
        assert epoch == min(losses, key=lambda epoch: losses[epoch])
        assert own[0]["metrics"][task] == run.read_json("metrics.json")["own_epoch"][task]["test"]
    assert len(set(own[0]["chosen_epoch"].values())) == 2  # else this test shows nothing


def test_an_interrupted_run_keeps_each_tasks_own_best_epoch(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"seeds": (0,), "epochs": 6, "assignments": ("train.learning_rate=0.05", "train.select=per-task")}
    whole = train(grid("hard", **asked), tmp_path / "whole" / "c")[0].results
    save = CheckpointFolder.save

    def interrupting(self: Any, checkpoint: Any, *arguments: Any, **named: Any) -> None:
        save(self, checkpoint, *arguments, **named)
        if checkpoint.epoch == 4 and "hard" in str(self.path):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", interrupting)
        with pytest.raises(KeyboardInterrupt):
            train(grid("hard", **asked), tmp_path / "part" / "c")
    continued = train(grid("hard", **asked), tmp_path / "part" / "c")[0].results
    assert continued["cells"][-1]["metrics"] == whole["cells"][-1]["metrics"]
    assert continued["cells"][-1]["chosen_epoch"] == whole["cells"][-1]["chosen_epoch"]


def test_cells_of_files_that_were_changed_since_are_told(
    grid: Make, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = train(grid("hard", seeds=(0,)), tmp_path / "c")
    again, diary = train(grid("hard", seeds=(0,)), tmp_path / "c")
    assert (again.results["notes"], diary.warnings) == (first.results["notes"], [])
    monkeypatch.setattr(running, "data_origin", lambda *_: "other")
    changed, diary = train(grid("hard", seeds=(0,)), tmp_path / "c")
    told = "3 of 3 finished trainings are of the data's files as they were"
    assert diary.warnings[0].startswith(told)
    assert changed.results["notes"][-1].startswith(told)
