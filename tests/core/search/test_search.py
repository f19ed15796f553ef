"""A whole search: trials are run folders, the best is judged on test, and what was begun goes on."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import MissingRequirementError, RecipeError
from mtl.core.cli.main import run
from mtl.core.comparison.yardsticks import Yardstick
from mtl.core.contracts import Seat
from mtl.core.discovery.registry import Registry
from mtl.core.execution.choosing import Hands
from mtl.core.folders.kept_runs import runs_under
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.recipe.request import Request
from mtl.core.running.pipeline import Pipeline
from mtl.core.search.driving import Limits
from mtl.core.search.layout import Question, lay_out
from mtl.core.search.objectives import Objective
from mtl.core.search.progress import SearchProgress
from mtl.core.search.records import ended
from mtl.core.search.sampling import Rule
from mtl.core.search.searching import Search, Searching, VainError
from mtl.core.search.space import Only, read_space
from mtl.core.search.training import TrainsTrials, trial_job
from mtl.core.search.trials import Trial

CPU = torch.device("cpu")
Make = Callable[..., Search]


class Stopped(SearchProgress):
    """Interrupts a search after so many trials."""

    def __init__(self, after: int) -> None:
        self.after = after

    def ended(self, trial: Any, objectives: Any) -> None:
        if trial.number + 1 == self.after:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def search(registry: Registry) -> Make:
    """Search learning rates of a narrow perceptron in a folder."""

    def make(
        path: Path,
        trials: int = 2,
        *,
        space: tuple[str, ...] = ("train.learning_rate=log:1e-4..1e-1",),
        objectives: tuple[str, ...] = (),
        epochs: int = 1,
        progress: SearchProgress | None = None,
        settings: tuple[str, ...] = (),
    ) -> Search:
        request = Request(
            tasks=["even", "third"],
            flags={"encoder": {"name": "mlp", "hidden": [8]}, "epochs": epochs},
            assignments=("train.validation=0.9", *settings),
        )
        layout = lay_out(Question(request, read_space(space), objectives), registry)
        searching = Searching(registry, Hands.chosen(registry, device="cpu"), progress or SearchProgress())
        return searching.run(layout, path, Limits(trials))

    return make


@pytest.fixture(scope="module")
def found(search: Make, tmp_path_factory: pytest.TempPathFactory) -> Search:
    """A search of three trials, not to be changed."""
    return search(tmp_path_factory.mktemp("search") / "found", 3)


def timeless(found: Search) -> list[dict[str, Any]]:
    return [{**trial.to_json(), "seconds": 0, "begun": 0} for trial in found.trials]


def test_the_first_trial_is_the_recipe_as_it_is(found: Search) -> None:
    assert found.trials[0].values == {"train.learning_rate": 0.001}
    assert len({trial.values["train.learning_rate"] for trial in found.trials}) == 3


def test_every_trial_is_a_run_folder_that_says_what_became_of_it(found: Search) -> None:
    for trial in found.trials:
        folder = open_run(found.path / "trials" / trial.folder_name)
        told = json.loads((folder.path / "trial.json").read_text())
        assert told["state"] == "finished"
        assert told["scores"] == [trial.scores[0]]


def test_the_best_on_validation_alone_is_judged_on_test(found: Search) -> None:
    best = max(found.trials, key=lambda trial: trial.scores)
    assert [trial.number for trial in found.best] == [best.number]
    judged = [path.parent.name for path in found.path.glob("trials/*/metrics.json")]
    assert judged == [best.folder_name]
    assert found.results["test"][best.folder_name]["even"]["accuracy"] > 0.5


def test_the_best_recipe_gives_the_best_trial_again(
    found: Search, registry: Registry, tmp_path: Path
) -> None:
    recipe = read(read_recipe(found.path / "best.yaml"), registry)
    Pipeline(registry, CPU, publishes=False).run(recipe, tmp_path / "again")
    old = open_run(found.path / "trials" / found.best[0].folder_name)
    new = open_run(tmp_path / "again")
    assert new.checkpoints.best_digest() == old.checkpoints.best_digest()
    assert new.read_metrics()["test"] == old.read_metrics()["test"]


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(
    search: Make, found: Search, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "cut", 3, progress=Stopped(2))
    assert timeless(search(tmp_path / "cut", 3)) == timeless(found)
    assert search(tmp_path / "cut", 3).trials[2].seconds > 0  # and is then over


def test_what_cannot_be_trained_is_told_with_its_reason(search: Make, tmp_path: Path) -> None:
    vain = search(
        tmp_path / "vain", 2, space=("train.learning_rate=log:1e30..1e35",), settings=("train.optimizer=sgd",)
    )
    assert [trial.state for trial in vain.trials] == ["failed", "failed"]
    with pytest.raises(VainError, match=r"(?s)none of 2 trials could be trained:.*is not finite") as raised:
        vain.raise_if_in_vain()
    assert raised.value.status == vain.trials[0].status != 0


def test_a_hopeless_trial_is_stopped_and_its_folder_says_so(
    found: Search, registry: Registry, tmp_path: Path
) -> None:
    recipe = read(read_recipe(found.path / "best.yaml"), registry)
    recipe = replace(recipe, train=recipe.train.model_copy(update={"epochs": 2}))
    accuracy = Objective("even", "higher", {"even": Yardstick("even", "accuracy", "higher", (0, 1))})
    perfect, path, trial = ((1, 1.0), (2, 1.0)), tmp_path / "0007", Trial(7, {})
    job = trial_job(trial, recipe, path, [accuracy], Rule("maximize", 2, (perfect,) * 4))
    perform = TrainsTrials(registry=registry)
    assert perform(job, Seat("cpu")).reason is None
    found_so = ended(path, trial)
    assert found_so is not None
    assert (found_so.state, found_so.epochs, found_so.chosen_epoch) == ("pruned", 1, 1)
    told = json.loads((path / "trial.json").read_text())
    assert (told["state"], told["epochs"], told["scores"]) == ("pruned", 1, list(found_so.scores))
    again = pickle.loads(pickle.dumps(perform))
    assert again(job, Seat("cpu")).elsewhere  # it has ended
    (tmp_path / "0007.ended.json").unlink()
    assert not again(job, Seat("cpu")).elsewhere
    taken_up = ended(path, trial)
    assert taken_up is not None
    assert taken_up.curve == found_so.curve  # it is not trained on


def test_an_option_of_one_of_the_components_is_searched_with_it_alone(registry: Registry) -> None:
    request = Request(tasks=["even", "third"], flags={"encoder": "mlp"})
    given = ["encoder=mlp,lenet", "encoder.hidden=[32],[64]", "train.learning_rate=log:1e-4..1e-2"]
    space = {item.key: item for item in lay_out(Question(request, read_space(given)), registry).space}
    assert space["encoder.hidden"].only == Only("encoder", ("mlp",))
    assert space["encoder"].only is space["train.learning_rate"].only is None


def test_several_objectives_keep_what_none_beats(search: Make, tmp_path: Path) -> None:
    done = search(
        tmp_path / "front", 3, space=("encoder.hidden=[2],[8],[32]",), objectives=("even", "parameters")
    )
    sizes = {trial.values["encoder.hidden"]: trial.scores[1] for trial in done.trials}
    assert sizes["[2]"] < sizes["[8]"] < sizes["[32]"]
    assert {trial.scores[1] for trial in done.best} >= {sizes["[2]"]}
    assert sorted(done.results["test"]) == sorted(trial.folder_name for trial in done.best)


def test_no_trial_is_begun_that_would_end_beyond_the_time(registry: Registry, tmp_path: Path) -> None:
    request = Request(
        tasks=["even"],
        flags={"encoder": {"name": "mlp", "hidden": [2]}, "epochs": 1},
        assignments=("train.validation=0.9",),
    )
    layout = lay_out(Question(request, read_space(["train.momentum=0.1,0.2"])), registry)
    assert [item.name for item in layout.objectives] == ["even"]
    searching = Searching(registry, Hands.chosen(registry, device="cpu"))
    for seconds, count in ((1e-3, 1), (1e-3, 1), (600.0, 2)):
        done = searching.run(layout, tmp_path / "timed", Limits(None, seconds))
        assert len(done.trials) == count  # the first is trained whatever the time, the last two are all


def test_without_optuna_it_is_said_what_to_install(
    search: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingRequirementError, match="needs the package optuna") as raised:
        search(tmp_path / "none")
    assert "mtl-composer[search]" in str(raised.value.hint)
    assert not (tmp_path / "none").exists()


def test_runs_that_are_trials_are_called_so(found: Search) -> None:
    states = {run.path.name: run.state for run in runs_under(found.path)}
    assert states == dict.fromkeys(("0000", "0001", "0002"), "trial")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            ["--trials", "9"],
            "9 trials, sampler tpe, pruner median, on cpu\nthe recipe's own values are the first",
        ),
        (
            ["--budget", "90s", "--pruner", "none"],
            "what ends within 1 min 30 s, sampler tpe, pruner none, on cpu",
        ),
        (["--objective", "mean", "--objective", "parameters"], "20 trials, sampler tpe, pruner median (idle"),
        (["--space", "train.epochs=1..5"], "own values do not all lie in the space: they are not the first"),
    ],
)
def test_a_dry_run_says_how_it_would_be_searched(
    asked: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["search", "--tasks", "parity", "--encoder", "mlp", "--space", "train.learning_rate=0.001,0.01"]
    assert run([*words, *asked, "--device", "cpu", "--dry-run"]) == 0
    assert told in capsys.readouterr().err
    assert run([*words, *asked, "--device", "cpu", "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["device"] == "cpu"
    assert (plan["first"] is None) == ("not the first" in told)


def test_an_option_that_takes_no_number_is_told_once(registry: Registry) -> None:
    request = Request(tasks=["parity"], flags={"encoder": "mlp"})
    with pytest.raises(RecipeError, match="option 'hidden': input should be a list, got 1") as raised:
        lay_out(Question(request, read_space(["encoder.hidden=1..5"])), registry)
    assert len(raised.value.problems) == 1
