"""Each cell is trained once, by this driver or by another; what others do is found on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.leases import Watch, claim
from mtl.core.contracts import Executor, Job, JobEnding, Seat, Work
from mtl.core.discovery.registry import Registry
from mtl.core.execution import once
from mtl.core.execution.cells import TrainsCells, cell_job
from mtl.core.execution.choosing import Hands
from mtl.core.execution.claiming import place_of
from mtl.core.execution.marks import MARK
from mtl.core.execution.once import Driver
from mtl.core.execution.records import write_failure
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

TINY: dict[str, Any] = {
    "tasks": ["shape-class", "shape-count"],
    "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
    "encoder": {"name": "mlp", "hidden": [8]},
    "train": {"epochs": 1, "batch_size": 8},
}


class Here(Executor):
    """Does what it is given at once; `between` is called before each."""

    def __init__(self, between: Callable[[Job], object] = lambda job: None) -> None:
        self.between = between

    def execute(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        for job in jobs:
            self.between(job)
            yield work.perform(job, Seat("cpu"))


@pytest.fixture(scope="module")
def recipe(registry: Registry) -> Recipe:
    from mtl.core.composition.composer import compose

    return compose(read(RecipeSource(TINY), registry), registry).recipe


@pytest.fixture
def jobs(recipe: Recipe, tmp_path: Path) -> list[Job]:
    return [
        cell_job(replace(recipe, seed=seed), f"seed {seed}", tmp_path / f"cell-{seed}", publishes=False)
        for seed in range(2)
    ]


def driver(registry: Registry, folder: Path, executor: Executor, patience: float = 60.0) -> Driver:
    work = Work(TrainsCells(registry=registry), "cpu", folder)
    return Driver(Hands(executor, "cpu"), work, Watch(patience))


def test_what_is_done_or_fails_is_told_with_a_log_beside_it(
    registry: Registry, jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = replace(jobs[1], content={**jobs[1].content, "code": "of another machine"})
    good, bad = driver(registry, tmp_path, Here()).endings([jobs[0], spoiled])
    assert (good.key, good.reason, good.elsewhere) == (jobs[0].key, None, False)
    assert good.where.endswith(" cpu")
    log = (tmp_path / "cell-0.log").read_text()
    assert [log.count(word) for word in ("claimed, seed 0", "epoch 1: train/", "finished")] == [1, 1, 1]
    assert bad.status == 2
    assert "another one here" in (bad.reason or "")
    assert "Traceback" in (tmp_path / "cell-1.log").read_text()
    again = driver(registry, tmp_path, Here()).endings(jobs)
    assert {ending.key for ending in again} == {job.key for job in jobs}
    assert (tmp_path / "cell-0.log").read_text() == log
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"cell-0", "cell-0.log", "cell-1", "cell-1.log"}


def test_what_another_driver_is_at_is_waited_for(
    registry: Registry, jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = claim(place_of(jobs[0]), "elsewhere")
    assert theirs is not None

    def they_fail(seconds: float) -> None:
        write_failure(place_of(jobs[0]), theirs.token, "no luck there", 3)
        theirs.leave()

    monkeypatch.setattr(once.time, "sleep", they_fail)
    mine, found = driver(registry, tmp_path, Here()).endings(jobs)
    assert mine.key == jobs[1].key
    assert found == JobEnding(jobs[0].key, "no luck there", 3, where="elsewhere", elsewhere=True)


def test_who_fell_silent_is_taken_over_and_an_old_failure_is_tried_again(
    registry: Registry, jobs: list[Job], tmp_path: Path
) -> None:
    write_failure(place_of(jobs[0]), "long ago", "no luck", 3)
    theirs = claim(place_of(jobs[0]), "elsewhere")
    assert theirs is not None
    theirs._holder["boot"] = "another"
    theirs._say("held")
    (ending,) = driver(registry, tmp_path, Here(), patience=0.05).endings(jobs[:1])
    assert ending.reason is None
    assert theirs.lost
    theirs.leave()


def test_what_is_claimed_just_before_is_left_alone(
    registry: Registry, jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two drivers look at the same time, and both see a cell that is free."""
    other = driver(registry, tmp_path, Here())

    def they_are_faster(job: Job) -> None:
        if not (place_of(job) / MARK).exists():
            list(other.endings([job]))

    endings = list(driver(registry, tmp_path, Here(they_are_faster)).endings(jobs))
    assert sorted(ending.key for ending in endings) == sorted(job.key for job in jobs)
    assert all(ending.reason is None for ending in endings)
    for seed in range(2):
        assert (tmp_path / f"cell-{seed}.log").read_text().count("finished") == 1


def test_who_was_taken_over_stops_and_marks_nothing(
    registry: Registry, jobs: list[Job], tmp_path: Path
) -> None:
    (job, _) = jobs
    perform = TrainsCells(registry=registry)

    original = TrainsCells._train

    def overtaken(self: TrainsCells, job: Job, seat: Seat, log: Any) -> bool:
        taken = claim(place_of(job), "there", abandoned=0)
        assert taken is not None
        taken.leave()
        return original(self, job, seat, log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainsCells, "_train", overtaken)
        assert perform(job, Seat("cpu")).elsewhere
    assert not (place_of(job) / MARK).exists()
    assert "taken over by somebody else" in (tmp_path / "cell-0.log").read_text()
    (ending,) = driver(registry, tmp_path, Here()).endings([job])
    assert ending.reason is None
