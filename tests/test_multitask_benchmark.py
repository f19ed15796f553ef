"""The benchmark table: its plan, its cells, its claims, and the page that its files make."""

from __future__ import annotations

import importlib
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.base.locks import take_lock
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.execution.choosing import Hands

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "multitask"

TINY = """
name: tiny
version: 1
title: Tiny
recipe:
  dataset: {name: shapes-synthetic, train_size: 40, test_size: 20}
  encoder: {name: mlp, hidden: [8]}
  tasks: {left: {task: shape-class}, right: {task: shape-class}}
  train: {epochs: 1, batch_size: 16}
main: {seeds: 3, balancers: [sum, mgda], sharings: [none]}
others: {seeds: 3, balancers: [rlw]}
search: {rates: [0.001, 0.01], epochs: 1, near: 0.01, seed: 1000}
judged_by: {left: accuracy, right: accuracy}
equal_within: {left: 0.2}
against: hard-sum
reproduced_within: 0.3
protocol: {network: MLP, epochs: 1}
"""


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a module of the program by its name; the folder of benchmarks is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.multitask.{name}")


@pytest.fixture
def plan(part: Any, tmp_path: Path) -> Any:
    """A plan of tiny trainings."""
    return tiny(part, tmp_path)


def tiny(part: Any, folder: Path, *changes: tuple[str, str]) -> Any:
    text = TINY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "tiny.yaml"
    path.write_text(text)
    return part("plan").read_plan(str(path))


def entry_of(part: Any, plan: Any, cell: Any, accuracy: float, **changes: Any) -> Any:
    """What a cell of the tiny plan might have reached."""
    tasks = [cell.method.task] if cell.method.task else ["left", "right"]
    metrics = {task: {"accuracy": accuracy} for task in tasks}
    searched = cell.rate is not None
    content = {
        "plan": plan.hash(),
        "cell": cell.name,
        "row": cell.method.name,
        "seed": cell.seed,
        "rate": cell.rate or 0.01,
        "recipe": "0123456789abcdef",
        "status": "trained",
        "data": {"train": "aa", "test": "bb"},
        "commit": "fedcba9876543210",
        "code": "c0de",
        "versions": {"torch": "2", "onnxruntime": "1"},
        "threads": 1,
        "machine": "a machine, 1 of 2 threads",
        "date": "2026-01-02",
        "seconds": {"clock": 3.0, "cpu": 2.0},
        "parameters": 1234,
        "chosen_epoch": 1,
        "validation": metrics,
        "test": {} if searched else metrics,
        "onnx": {} if searched else metrics,
        "onnx_difference": None if searched else 1e-6,
    }
    return part("store").Entry(**{**content, **changes})


def filled(part: Any, plan: Any, folder: Path, seeds: int = 3, **failure: Any) -> Any:
    """Results with all cells of the first seeds: `hard-mgda` is better than the others, 0.01 best rate."""
    results = part("store").Results(folder, plan)
    draw = random.Random(1)
    for cell in part("plan").cells_of(plan, seeds):
        if not results.wants(cell):
            continue
        accuracy = 0.9 if cell.rate is None else 0.5 + 3 * cell.rate
        accuracy += 0.05 * (cell.method.balancer == "mgda") + draw.uniform(-0.001, 0.001)
        changes = failure if cell.name == "none-sum-seed-1" else {}
        results.write(cell, entry_of(part, plan, cell, accuracy, **changes))
    return results


@pytest.mark.parametrize("name", ["multi-mnist", "scenes"])
def test_a_plan_names_every_balancer_but_the_weighted_sum_and_every_sharing_scheme(
    part: Any, registry: Registry, name: str
) -> None:
    plan = part("plan").read_plan(name)
    balancers = [*plan.main.balancers, *plan.others.balancers]
    assert sorted(balancers) == sorted(set(registry.names("balancer")) - {"weighted"})
    assert sorted(["hard", *plan.main.sharings]) == sorted(registry.names("sharing"))


def test_cells_have_names_of_their_own_and_come_seed_by_seed_after_their_search(part: Any) -> None:
    cells = list(part("plan").cells_of(part("plan").read_plan("multi-mnist")))
    assert len({cell.name for cell in cells}) == len(cells)
    main = [cell.seed for cell in cells if cell.rate is None][: 22 * 10]
    assert main == sorted(main)
    assert [cell.rate is not None for cell in cells[: 22 * 6 + 1]] == [True] * 132 + [False]


def test_rows_of_one_network_start_from_the_same_weights(part: Any, plan: Any, registry: Registry) -> None:
    cells = [part("plan").Cell(part("plan").Method(balancer=name), 1) for name in ("sum", "mgda")]
    recipes = [part("plan").recipe_of(plan, cell, 0.01, registry) for cell in cells]
    one, other = (compose(recipe, registry).model.state_dict() for recipe in recipes)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_comments_change_no_hash_and_epochs_do(part: Any, tmp_path: Path) -> None:
    plan = tiny(part, tmp_path)
    assert tiny(part, tmp_path, ("name: tiny", "# a comment\nname: tiny")).hash() == plan.hash()
    assert tiny(part, tmp_path, ("epochs: 1, batch", "epochs: 2, batch")).hash() != plan.hash()


def test_fewer_seeds_than_a_verdict_needs_are_refused(part: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"main\.seeds is 2: a verdict needs 3 seeds"):
        tiny(part, tmp_path, ("main: {seeds: 3", "main: {seeds: 2"))


def test_a_folder_of_another_plan_is_refused_with_what_parts_them(
    part: Any, plan: Any, tmp_path: Path
) -> None:
    filled(part, plan, tmp_path)
    other = tiny(part, tmp_path, ("epochs: 1, batch", "epochs: 2, batch"))
    with pytest.raises(UsageError, match="another plan: recipe: train: epochs 1 there, 2 here"):
        part("store").Results(tmp_path, other)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("format", 2, "format 2 there, 1 here"),
        ("plan", "0000", 'plan "0000" there'),
        ("seed", 4, "seed 4 there, 0 here"),
        ("test", None, "cannot be read as the result of a cell"),
    ],
)
def test_a_cell_of_another_protocol_or_version_is_refused(
    part: Any, plan: Any, tmp_path: Path, name: str, value: Any, told: str
) -> None:
    results, cell = filled(part, plan, tmp_path), part("plan").find_cell(plan, "hard-sum-seed-0")
    content = json.loads(results.path(cell).read_text())
    results.path(cell).write_text(json.dumps(content | {name: value}))
    with pytest.raises(UsageError, match=told):
        results.read(cell)


def searched(part: Any, plan: Any, folder: Path, first: float, second: float, **last: float) -> Any:
    """The search of `hard-sum`: what its two rates reached, and `low` and `high` in the last round."""
    results = part("store").Results(folder, plan)
    low, high = part("plan").search_of(plan, part("plan").Method(), final=False)
    for cell, accuracy in ((low, first), (high, second)):
        results.write(cell, entry_of(part, plan, cell, accuracy))
    for name, cell in zip(("low", "high"), part("plan").search_of(plan, low.method, final=True), strict=True):
        if name in last:
            results.write(cell, entry_of(part, plan, cell, last[name]))
    return results


@pytest.mark.parametrize(
    ("reached", "last", "chosen"),
    [
        ((0.50, 0.52), {}, 0.01),
        ((0.52, 0.50), {}, 0.001),
        ((0.505, 0.51), {}, None),
        ((0.505, 0.51), {"low": 0.6}, None),
        ((0.505, 0.51), {"low": 0.6, "high": 0.59}, 0.001),
        ((0.505, 0.51), {"low": 0.6, "high": 0.61}, 0.01),
        ((0.51, 0.505), {"low": 0.6, "high": 0.6}, 0.001),
    ],
)
def test_rates_near_the_best_meet_again_and_of_equals_the_lowest_is_taken(
    part: Any,
    plan: Any,
    tmp_path: Path,
    reached: tuple[float, float],
    last: dict[str, float],
    chosen: float | None,
) -> None:
    results = searched(part, plan, tmp_path, *reached, **last)
    assert results.chosen_rate(part("plan").Method()) == chosen
    near = abs(reached[0] - reached[1]) < 0.01
    finals = part("plan").search_of(plan, part("plan").Method(), final=True)
    assert [results.wants(cell) for cell in finals] == [near, near]


def test_where_less_is_better_rates_are_judged_by_the_mean_relative_gain(
    part: Any, plan: Any, tmp_path: Path
) -> None:
    other = tiny(part, tmp_path, ("against:", "lower_is_better: [right]\nagainst:"))
    cells = [part("plan").Cell(part("plan").Method(), 1000, rate) for rate in plan.search.rates]
    reached = [{"left": 0.5, "right": 2.0}, {"left": 0.4, "right": 1.0}]
    found = {
        cell.rate: entry_of(
            part, other, cell, 0.0, validation={task: {"accuracy": value} for task, value in values.items()}
        )
        for cell, values in zip(cells, reached, strict=True)
    }
    assert part("store").scores(other, found) == {0.001: 0.0, 0.01: pytest.approx((-0.2 + 0.5) / 2)}


def test_the_page_says_what_is_sure_and_marks_the_rate(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    found = part("page").blocks(filled(part, plan, tmp_path), registry)
    assert "`hard-mgda` is better than training each task alone." in found["conclusions"]
    assert "`hard-mgda` is better than `hard-sum`." in found["conclusions"]
    assert re.search(r"\| hard-mgda \| 0.01 \| 1,234 \| 9[45]\.\d\d ± 0\.\d\d \|", found["main"])
    assert re.search(r"\| hard-mgda \| 5\d\.\d\d \| \*\*5\d\.\d\d\*\* \|", found["search"])
    assert "hard-rlw" in found["others"]
    assert "0.01, was the best one for 3 of 3 rows: a higher one" in found["conclusions"]
    assert "corrected in 6 families" in found["conclusions"]
    assert "(3 seeds, `hard-sum`: 2) and single tasks (3 seeds, `hard-sum`: 4)" in found["conclusions"]
    assert "18 of 18 cells are there" in found["origin"]


def test_before_all_planned_seeds_nothing_is_sure(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    found = part("page").blocks(filled(part, plan, tmp_path, seeds=2), registry)
    assert "**Nothing is sure yet**: of 3 planned seeds 2 are there for all 3 rows" in found["conclusions"]
    assert "better than training" not in found["conclusions"]
    assert "| hard-mgda | 0.01 |" in found["main"]
    assert "beats" not in found["main"]
    assert "mark perhaps (p below 0.2), whatever p, before all planned seeds are there." in found["main"]


def test_what_is_missing_is_listed_with_the_time_of_its_row(part: Any, plan: Any, tmp_path: Path) -> None:
    listed = part("missing").missing_lines
    assert listed(filled(part, plan, tmp_path)) == ["cells: 30 of 30 are there, missing: 0"]
    for name in ("hard-mgda-seed-2", "none-sum-seed-2"):
        (path,) = (tmp_path / "tiny").rglob(f"{name}.json")
        path.unlink()
    lines = listed(part("store").Results(tmp_path, plan))
    assert lines[0] == "hard-mgda-seed-2  missing, about 2 s of a processor"
    assert lines[-1].endswith("missing: 2, of which 2 take about 4.0 s of a processor")
    assert listed(part("store").Results(tmp_path, plan), 2)[-1].endswith("missing: 0")


def test_a_failed_cell_is_told_with_its_reason(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    failure = {"status": "failed", "reason": "no memory", "test": {}, "onnx": {}, "onnx_difference": None}
    found = part("page").blocks(filled(part, plan, tmp_path, **failure), registry)
    assert "Failed: `none-sum-seed-1`: no memory" in found["origin"]
    assert "none-sum is judged by 2 of 3 seeds" in found["main"]


def test_published_figures_are_judged_by_the_rule(part: Any, plan: Any) -> None:
    same, other = ({"network": "MLP", "epochs": epochs} for epochs in (1, 9))
    rows = {"hard-sum": {"left": 90.0, "right": 80.0}}
    source = part("published").Source(source="a paper", protocol=same, rows=rows)

    def verdict(of: Any, right: float) -> str:
        bounds = {"left": (89.0, 91.0), "right": (right - 1, right + 1)}
        return str(part("published").verdict_of(plan, of, "hard-sum", {"left": 90.0, "right": right}, bounds))

    assert verdict(source, 81.2) == "reproduced"
    assert verdict(source, 81.4) == "not reproduced"
    assert verdict(source.model_copy(update={"protocol": other}), 80.0) == "not comparable: other epochs"


def test_the_published_rows_of_both_pages_are_the_same(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sener = part("published").read_published(part("plan").read_plan("multi-mnist"))[0]
    experiments = importlib.import_module("benchmarks.published").EXPERIMENTS
    (known,) = (item for item in experiments if item.name == "multi-mnist")
    found = [sener.rows["hard-sum"], sener.rows["single"]]
    assert [{f"{task} accuracy": value for task, value in row.items()} for row in found] == [
        dict(variant.published) for variant in known.variants
    ]


def test_the_page_is_what_the_files_say(part: Any, registry: Registry, tmp_path: Path) -> None:
    kept = ROOT / "docs" / "benchmark.md"
    page = tmp_path / "benchmark.md"
    page.write_text(kept.read_text())
    results = part("store").Results(RESULTS, part("plan").read_plan("multi-mnist"))
    part("page").write_page(results, registry, page)
    assert page.read_text() == kept.read_text()


def worker(part: Any, plan: Any, folder: Path, registry: Registry, **given: Any) -> Any:
    results = part("store").Results(folder / "results", plan)
    trainer = part("training").Trainer(plan, registry, folder / "runs")
    return part("work").Worker(results, trainer, **given)


def test_a_claimed_cell_is_left_to_the_process_that_claimed_it(
    part: Any, plan: Any, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = part("plan").cells_of(plan)
    trained = []

    def train(_: Any, cell: Any, rate: float) -> Any:
        trained.append(cell.name)
        return entry_of(part, plan, cell, 0.5)

    monkeypatch.setattr(part("training").Trainer, "train", train)
    claim = tmp_path / "runs" / "claims" / first.name
    claim.mkdir(parents=True)
    lock = take_lock(claim)
    here = worker(part, plan, tmp_path, registry)
    assert here.run(1) == 1
    assert trained == [second.name]
    assert here.missing()[1] == 1
    lock.release()
    here.run(1)
    assert trained == [second.name, first.name]


def test_an_executor_gets_every_cell_once_as_rates_become_known(
    part: Any, plan: Any, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def train(self: Any, cell: Any, rate: float) -> Any:
        trained.append(cell.name)
        return entry_of(part, plan, cell, 0.5)

    monkeypatch.setattr(part("training").Trainer, "train", train)
    monkeypatch.setattr(part("work").Worker, "_refuse_other_recipe", lambda self, cell: None)
    here, hands = worker(part, plan, tmp_path, registry), part("hands")
    perform = hands.TrainsCells(str(tmp_path / "tiny.yaml"), tmp_path / "results", here.trainer.runs)
    hands.Handing(here, perform, Hands.chosen(registry, "local", "cpu", 1)).run()
    assert here.missing() == (0, 0)
    assert sorted(trained) == sorted(set(trained))
    assert {cell.name for cell in part("plan").cells_of(plan) if cell.rate is None} <= set(trained)


def test_nothing_is_begun_that_would_end_too_late(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    assert worker(part, plan, tmp_path, registry, until=1.0).run() == 0


def test_a_row_is_not_gone_on_with_by_another_recipe(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    here = worker(part, plan, tmp_path, registry)
    for cell in part("plan").cells_of(plan, 1):
        if here.results.wants(cell):
            here.results.write(cell, entry_of(part, plan, cell, 0.5 + 3 * (cell.rate or 0.0)))
    told = "single-left-seed-0 was trained by another recipe than the plan gives now"
    with pytest.raises(UsageError, match=told):
        here.run(1)


def test_what_fails_in_a_training_is_a_row_with_its_reason(
    part: Any, plan: Any, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the weights are gone")

    monkeypatch.setattr(part("training").Pipeline, "run", broken)
    here = worker(part, plan, tmp_path, registry)
    here.run(1)
    cell = next(iter(part("plan").cells_of(plan)))
    entry = here.results.read(cell)
    assert (entry.status, entry.reason) == ("failed", "internal: RuntimeError: the weights are gone")


def test_a_cell_is_repeated_to_the_last_digit_and_another_digit_is_told(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    here = worker(part, plan, tmp_path, registry)
    here.run(1)
    cell = next(iter(part("plan").cells_of(plan)))
    same, told = part("repeating").repeat(here.results, here.trainer, cell)
    assert (same, told) == (
        True,
        f"{cell.name}: the same to the last digit (the same code, versions, threads, machine)",
    )
    kept = here.results.read(cell)
    other = kept.model_copy(update={"chosen_epoch": 9, "threads": 2})
    same, told = part("repeating").judged(cell, other, kept)
    assert not same
    assert told == f"{cell.name}: chosen_epoch 9 then, 1 now (other than then: threads 2 then, 1 now)"


def test_a_cell_that_was_not_trained_cannot_be_repeated(
    part: Any, plan: Any, tmp_path: Path, registry: Registry
) -> None:
    here = worker(part, plan, tmp_path, registry)
    with pytest.raises(UsageError, match="hard-sum-seed-0 was not trained yet"):
        part("repeating").repeat(here.results, here.trainer, part("plan").find_cell(plan, "hard-sum-seed-0"))


@pytest.mark.slow
def test_the_command_trains_a_cell_proves_its_file_and_repeats_it(
    part: Any, plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [
        "--plan",
        str(tmp_path / "tiny.yaml"),
        "--results",
        str(tmp_path / "results"),
        "--runs",
        str(tmp_path),
    ]
    assert part("__main__").main([*given, "--seeds", "1", "--cells", "13"]) == 0
    content = json.loads((tmp_path / "results" / "tiny" / "cells" / "hard-sum-seed-0.json").read_text())
    assert content["status"] == "trained"
    assert content["onnx_difference"] < 1e-3
    assert part("__main__").main([*given, "--cell", "hard-sum-seed-0", "--check"]) == 0
    assert "the same to the last digit" in capsys.readouterr().out
