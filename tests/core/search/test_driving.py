"""Several drivers of one search: each trial is asked for once, trained once, and told by all alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.base.leases import Watch
from mtl.core.contracts import Executor, Job, JobEnding, Seat, Work
from mtl.core.discovery.registry import Registry
from mtl.core.execution.choosing import Hands
from mtl.core.recipe.request import Request
from mtl.core.search import records
from mtl.core.search.driving import Limits
from mtl.core.search.folder import SearchFolder
from mtl.core.search.layout import Layout, Question, lay_out
from mtl.core.search.searching import Search, Searching
from mtl.core.search.space import read_space
from mtl.core.search.trials import Trial


class Here(Executor):
    """Does what it is given at once; `before` is called before each job."""

    def __init__(self, before: Callable[[Job], object] = lambda job: None) -> None:
        self.before = before
        self.endings: list[JobEnding] = []

    def execute(self, jobs: Iterator[Job], work: Work) -> Iterator[JobEnding]:
        for job in jobs:
            self.before(job)
            self.endings.append(work.perform(job, Seat("cpu")))
            yield self.endings[-1]

    @property
    def trained(self) -> int:
        return sum(not ending.elsewhere for ending in self.endings)


@pytest.fixture(scope="module")
def layout(registry: Registry) -> Layout:
    request = Request(
        tasks=["shape-count"],
        flags={
            "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 16},
            "encoder": {"name": "mlp", "hidden": [4]},
            "epochs": 1,
        },
        assignments=("train.batch_size=20",),
    )
    space = read_space(["train.learning_rate=log:1e-4..1e-1"])
    return lay_out(Question(request, space, sampler="random", pruner="none"), registry)


@pytest.fixture(scope="module")
def searched(layout: Layout, registry: Registry) -> Callable[..., Search]:
    def search(path: Path, executor: Executor, trials: int = 3, patience: float = 60.0) -> Search:
        searching = Searching(registry, Hands(executor, "cpu"), watch=Watch(patience))
        return searching.run(layout, path, Limits(trials))

    return search


@pytest.fixture(scope="module")
def alone(searched: Callable[..., Search], tmp_path_factory: pytest.TempPathFactory) -> Search:
    return searched(tmp_path_factory.mktemp("alone") / "s", Here())


def told(found: Search) -> list[dict[str, Any]]:
    """Return the table of a search without times, and without what each driver knew."""
    return [{**trial.to_json(), "seconds": 0, "begun": 0, "unknown": []} for trial in found.trials]


def test_a_second_driver_joins_and_no_trial_is_trained_twice(
    searched: Callable[..., Search], alone: Search, tmp_path: Path
) -> None:
    """While the first is at a trial that it has not claimed yet, the second does it, and all others."""
    second, others = Here(), list[Search]()

    def join(job: Job) -> None:
        if not others:
            others.append(searched(tmp_path / "s", second))

    first = Here(join)
    found = searched(tmp_path / "s", first)
    assert (first.trained, second.trained) == (0, 3)
    assert told(found) == told(others[0]) == told(alone)
    assert json.loads((tmp_path / "s" / "search.json").read_text()) == others[0].results
    best = found.best[0].folder_name
    assert found.results["test"] == alone.results["test"]
    assert [path.parent.name for path in found.path.glob("trials/*/metrics.json")] == [best]
    assert not list((tmp_path / "s" / "trials").glob("*.claim-*"))


def test_a_trial_whose_driver_is_silent_for_too_long_is_taken_over(
    searched: Callable[..., Search], alone: Search, layout: Layout, tmp_path: Path
) -> None:
    with SearchFolder.open(tmp_path / "s", layout.plan(), print) as folder:
        assert layout.own is not None
        assert folder.ask(layout.own, ()) is not None
    said = {"state": "held", "boot": "of another machine", "where": "far cpu", "beats": 7}
    (tmp_path / "s" / "trials" / "0000.claim-0").write_text(json.dumps(said))
    executor = Here()
    assert told(searched(tmp_path / "s", executor, patience=0.2)) == told(alone)
    assert executor.trained == 3


def test_of_two_who_ask_for_the_same_trial_one_is_heard(layout: Layout, tmp_path: Path) -> None:
    with (
        SearchFolder.open(tmp_path / "s", layout.plan(), print) as one,
        SearchFolder.open(tmp_path / "s", layout.plan(), print) as other,
    ):
        assert one.ask({"train.learning_rate": 0.01}, ()) is not None
        assert other.ask({"train.learning_rate": 0.02}, ()) is None
        other.look()
        assert [trial.values for trial in other.trials] == [{"train.learning_rate": 0.01}]
        failed = records.failed(other.trials[0], "it broke", 3, seconds=100.0)
        assert records.end(other.place(failed), failed)
        assert not records.end(one.place(failed), failed)
        assert [trial.reason for trial in one.look()] == ["it broke"]
        assert 100 < one.clock < 200  # what another one told counts for the budget of all


def test_a_folder_of_another_search_is_refused_also_while_it_is_searched(
    layout: Layout, tmp_path: Path
) -> None:
    plan = layout.plan()
    with SearchFolder.open(tmp_path / "s", plan, print):
        other = {**plan, "recipe": {**plan["recipe"], "seed": 7}}
        with pytest.raises(UsageError, match="holds another search: recipe: seed 0 there, 7 here"):
            SearchFolder.open(tmp_path / "s", other, print).__enter__()
        with pytest.raises(UsageError, match="another process is at work in"):
            SearchFolder.open(tmp_path / "s", plan, print, force=True).__enter__()


@pytest.mark.parametrize(
    "content", ['{"number": 1', '{"number": 4, "values": {}, "unknown": [], "begun": 0.0}']
)
def test_a_damaged_record_is_named(layout: Layout, tmp_path: Path, content: str) -> None:
    place = tmp_path / "s" / "trials" / "0000"
    with SearchFolder.open(tmp_path / "s", layout.plan(), print):
        place.with_name("0000.asked.json").write_text(content)
    with pytest.raises(UsageError, match=r"0000\.asked\.json"):
        SearchFolder.open(tmp_path / "s", layout.plan(), print).__enter__()
    assert records.ended(place, Trial(0, {})) is None
