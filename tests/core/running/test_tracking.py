"""Trackers are told of a run, and nothing that they do changes, slows or stops it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import RecipeError
from mtl.core.contracts import TrackedRun, Tracker
from mtl.core.discovery.registry import Registry
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.running import tracking as module
from mtl.core.running.tracking import NamedTracker, Tracking

from .conftest import Notes, pipeline_of, recipe_of

ROW = {"epoch": 1, "seconds": 0.1, "train/a/loss": 0.5}
MEASURED = {
    "test": {"a": {"loss": 0.5, "psnr": None}},
    "baseline": {"a": {"loss": 0.7}},
    "training": {"chosen_epoch": 3},
}


class Kept(Tracker):
    """Keeps what it is told; does something else where a call is named `odd`."""

    patience = 0.3

    def __init__(self, odd: str = "", what: BaseException | float = 0.0) -> None:
        self.odd, self.what = odd, what
        self.calls: list[Any] = []
        self.free = threading.Event()

    def _called(self, name: str, *given: Any) -> None:
        if name == self.odd:
            if isinstance(self.what, BaseException):
                raise self.what
            self.free.wait(self.what)
        self.calls.append((name, *given))

    def start(self, run: TrackedRun) -> None:
        self._called("start", run.name, len(run.history))

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        self._called("scalars", epoch, dict(values))

    def finish(self, ended: str) -> None:
        self._called("finish", ended)


@pytest.fixture
def told() -> Iterator[tuple[Any, Notes]]:
    """Return how to tell a tracker of a run of three epochs, and what was said of it."""
    notes, made = Notes(), []

    def tell(tracker: Kept, ended: str = "finished") -> None:
        made.append(tracker)
        tracking = Tracking([NamedTracker(tracker, "tracker 'kept'", "kept")], notes)
        for line in tracking._lines:
            line.begin(TrackedRun(Path(), Path(), "run", {}, ""))
        for epoch in (1, 2, 3):
            tracking.epoch({**ROW, "epoch": epoch}, None)
        tracking.measured(MEASURED)
        tracking.end(ended)  # type: ignore[arg-type]

    yield tell, notes
    for tracker in made:
        tracker.free.set()


def test_a_run_is_told_in_order(told: tuple[Any, Notes]) -> None:
    tell, notes = told
    tell(tracker := Kept())
    values = {"seconds": 0.1, "train/a/loss": 0.5}
    assert tracker.calls == [
        ("start", "run", 0),
        *(("scalars", epoch, values) for epoch in (1, 2, 3)),
        ("scalars", 3, {"test/a/loss": 0.5, "baseline/a/loss": 0.7}),
        ("finish", "finished"),
    ]
    assert notes.warnings == []


@pytest.mark.parametrize("what", [OSError("gone"), SystemExit(3), KeyboardInterrupt()])
def test_what_fails_is_told_once_and_asked_again(what: BaseException, told: tuple[Any, Notes]) -> None:
    tell, notes = told
    tell(tracker := Kept("scalars", what))
    assert [call[0] for call in tracker.calls] == ["start", "finish"]
    (warning,) = notes.warnings
    assert warning.startswith(f"tracker 'kept' failed: {type(what).__name__}")
    assert warning.endswith("; the run goes on")


def test_who_cannot_start_is_told_nothing_more(told: tuple[Any, Notes]) -> None:
    tell, notes = told
    tell(tracker := Kept("start", OSError("no server")))
    assert tracker.calls == []
    assert notes.warnings == ["tracker 'kept' failed: OSError: no server; the run goes on"]


@pytest.mark.parametrize("odd", ["start", "scalars", "finish"])
def test_who_hangs_is_left_after_its_patience(odd: str, told: tuple[Any, Notes]) -> None:
    tell, notes = told
    began = time.monotonic()
    tell(Kept(odd, 60.0))
    assert time.monotonic() - began < 5
    said = "tracker 'kept' did not answer within 0.3 s: what it has not taken is lost to it; the run goes on"
    assert notes.warnings == [said]


def test_calls_that_are_too_many_are_left_out(
    told: tuple[Any, Notes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 1)
    tell, notes = told
    tell(tracker := Kept("start", 0.2))
    assert [call[0] for call in tracker.calls] == ["start", "finish"] or len(tracker.calls) < 6
    assert notes.warnings == [
        "tracker 'kept' takes too long: it is 1 calls behind, and some are left out; the run goes on"
    ]


@pytest.mark.parametrize(("what", "ended"), [(ValueError(), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_a_run_that_does_not_end_well_says_so(what: BaseException, ended: str) -> None:
    tracker = Kept()
    tracking = Tracking([NamedTracker(tracker, "tracker 'kept'", "kept")])
    with pytest.raises(type(what)), tracking.ends_with_failure():
        raise what
    assert tracker.calls == [("finish", ended)]


def test_a_run_is_the_same_with_trackers_and_without(registry: Registry, tmp_path: Path) -> None:
    tree: dict[str, Any] = {"tasks": ["shape-count", "denoise"], "train": {"epochs": 2}}
    for name, trackers in (("without", []), ("with", ["jsonl", {"name": "jsonl", "pictures": False}])):
        pipeline_of(registry).run(recipe_of(registry, **tree, trackers=trackers), tmp_path / name)
    one, two = (open_run(tmp_path / name) for name in ("without", "with"))
    assert one.checkpoints.latest().state == two.checkpoints.latest().state
    kept, again = one.checkpoints.latest().tensors, two.checkpoints.latest().tensors
    assert all(torch.equal(value, again[key]) for key, value in kept.items())
    assert one.read_metrics()["test"] == two.read_metrics()["test"]
    folders = sorted(path.name for path in (tmp_path / "with" / "tracking").iterdir())
    assert folders == ["jsonl", "jsonl.2"]
    assert (tmp_path / "with" / "tracking" / "jsonl" / "epoch-00002-denoise.png").is_file()
    assert not [*(tmp_path / "with" / "tracking" / "jsonl.2").glob("*.png")]


def test_trackers_are_no_part_of_what_a_recipe_is(registry: Registry) -> None:
    plain, told = recipe_of(registry), recipe_of(registry, trackers=["jsonl"])
    assert plain.hash() == told.hash()
    assert "trackers" not in plain.to_plain()
    assert told.to_plain()["trackers"] == [{"name": "jsonl", "pictures": True}]


def test_a_run_that_goes_on_may_have_another_tracker(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "run"
    pipeline_of(registry).run(recipe_of(registry), path)
    text = (path / "recipe.yaml").read_text()
    (path / "recipe.yaml").write_text(f"{text}trackers: [jsonl]\n")
    recipe = read(read_recipe(path / "recipe.yaml"), registry)
    pipeline_of(registry).resume(open_run(path), recipe, 2)
    lines = (path / "tracking" / "jsonl" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event.get("epoch") for event in events if "validation/shape-count/loss" in str(event)] == [1, 2]
    assert events[-1] == {"event": "finish", "ended": "finished"}


def test_an_unknown_tracker_is_refused_with_the_others(registry: Registry) -> None:
    with pytest.raises(RecipeError, match="unknown tracker 'jsonll'"):
        recipe_of(registry, trackers=["jsonll"])
