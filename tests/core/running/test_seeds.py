"""Many seeds at once are the seeds one by one, and their summary is mean and spread."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import mtl
from mtl.core.api import SeedRuns
from mtl.core.base.errors import UsageError
from mtl.core.base.progress import Progress
from mtl.core.running.seeds import SeedsPipeline, choose_seed, seeds_of, summary

QUICK: dict[str, Any] = {"train.validation": 0.85}


def compose(out: Path, **options: Any) -> Any:
    settings = {"tasks": ["parity", "classify"], "encoder": "mlp", "epochs": 2, "device": "cpu", **options}
    return mtl.compose(out=out, set=QUICK, **settings)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> SeedRuns:
    found = compose(tmp_path_factory.mktemp("many") / "run", seeds=[3, 5])
    assert isinstance(found, SeedRuns)
    return found


def history(path: Path) -> list[dict[str, float]]:
    with (path / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return [{key: float(value) for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_seed_among_many_is_that_seed_alone(many: SeedRuns, tmp_path: Path) -> None:
    alone = compose(tmp_path / "alone", seed=5)
    together = many.runs[5]
    assert history(together.path) == [pytest.approx(row, rel=1e-4) for row in history(alone.path)]
    for name, value in alone.model.state_dict().items():
        assert torch.allclose(together.model.state_dict()[name], value, atol=1e-5), name


@pytest.fixture
def two_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("dropout", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
def test_seeds_side_by_side_do_not_disturb_each_other(tmp_path: Path, dropout: float) -> None:
    encoder = {"name": "mlp", "dropout": dropout}
    both = compose(tmp_path / "both", seeds=[1, 2], encoder=encoder)
    alone = compose(tmp_path / "alone", seed=2, encoder=encoder)
    assert history(both.runs[2].path) == [pytest.approx(row, rel=1e-4) for row in history(alone.path)]


def test_the_summary_has_mean_and_spread_of_the_runs(many: SeedRuns) -> None:
    accuracies = [run.metrics["test"]["classify"]["accuracy"] for run in many.runs.values()]
    spread = many.metrics["test"]["classify"]["accuracy"]
    assert spread["mean"] == pytest.approx(statistics.fmean(accuracies))
    assert spread["std"] == pytest.approx(statistics.stdev(accuracies))
    assert spread["values"] == {"3": accuracies[0], "5": accuracies[1]}
    assert json.loads((many.path / "metrics.json").read_text()) == many.metrics


def test_the_summary_names_the_seeds_below_the_baseline() -> None:
    def run(*below: str) -> dict[str, Any]:
        losses = {task: {"loss": 1.0} for task in ("first", "second")}
        parts = dict.fromkeys(("test", "validation", "baseline"), losses)
        return parts | {"training": {"seconds": 1.0}, "below_baseline": {task: {} for task in below}}

    found = summary({0: run("first"), 1: run(), 5: run("first")})["below_baseline"]
    assert found == {"first": [0, 5]}


def test_every_seed_has_an_ordinary_run_folder(many: SeedRuns) -> None:
    for seed in (3, 5):
        run = mtl.load(many.path / f"seed-{seed}")
        assert run.composition.recipe.seed == seed
        assert (run.path / "model.onnx").is_file()
    assert 'href="seed-3/report.html"' in (many.path / "report.html").read_text()


def test_the_best_seed_is_chosen_on_validation(many: SeedRuns) -> None:
    scores = many.metrics["best"]["validation_score"]
    best = int(min(scores, key=lambda seed: scores[seed]))
    assert many.best is many.runs[best]
    assert choose_seed(many.path, "best") == many.path / f"seed-{best}"
    assert choose_seed(many.path, "3") == many.path / "seed-3"


def test_the_test_split_does_not_choose_the_seed() -> None:
    def run(validation: float, test: float) -> dict[str, Any]:
        part = {"test": {"a": {"loss": test}}, "validation": {"a": {"loss": validation}}}
        return {**part, "baseline": {}, "training": {"seconds": 1.0}}

    assert summary({0: run(2.0, 1.0), 1: run(1.0, 2.0)})["best"]["seed"] == 1


def test_a_loss_below_zero_is_better_the_lower_it_is() -> None:
    def run(loss: float) -> dict[str, Any]:
        part = {"a": {"loss": loss}}
        return {"test": part, "validation": part, "baseline": {}, "training": {"seconds": 1.0}}

    assert summary({0: run(-1.0), 1: run(-3.0)})["best"]["seed"] == 1


def test_seeds_of_a_compiled_model_take_turns() -> None:
    first = SimpleNamespace(
        device=torch.device("cpu"),
        composition=SimpleNamespace(recipe=SimpleNamespace(train=SimpleNamespace(compile=True))),
    )
    pipeline = SeedsPipeline(SimpleNamespace())  # type: ignore[arg-type]
    assert pipeline.takes_turns([first])  # type: ignore[list-item]


@pytest.mark.parametrize("wanted", ["4", "worst"])
def test_another_seed_is_refused_by_name(many: SeedRuns, wanted: str) -> None:
    with pytest.raises(UsageError, match=f"no seed '{wanted}'") as caught:
        choose_seed(many.path, wanted)
    assert caught.value.hint == "best, or one of: 3, 5"


def test_a_folder_of_seeds_is_not_taken_for_one_run(many: SeedRuns) -> None:
    with pytest.raises(UsageError, match="holds the runs of several seeds"):
        mtl.load(many.path)
    with pytest.raises(UsageError, match="does not hold the runs of several seeds"):
        seeds_of(many.path / "seed-3")


class Interrupting(Progress):
    """Interrupts after the first epoch of the second seed."""

    def __init__(self) -> None:
        self.seed = -1

    def of_seed(self, seed: int) -> Progress:
        made = Interrupting()
        made.seed = seed
        return made

    def epoch(self, epoch: int, row: Any, best: bool) -> None:
        if self.seed == 5:
            raise KeyboardInterrupt


def test_an_interrupted_command_goes_on_where_it_was(
    many: SeedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mtl.core.cli.main import run

    path = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        compose(path, seeds=[3, 5], progress=Interrupting())
    assert not (path / "metrics.json").exists()
    with pytest.raises(UsageError, match="not finished"):
        choose_seed(path, "best")
    assert run(["resume", str(path), "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert "parity" in told.out
    assert "seed 5 goes on after epoch 1 of " in told.err
    for seed in (3, 5):
        assert history(path / f"seed-{seed}") == history(many.path / f"seed-{seed}")


def test_a_resumed_replacement_leaves_nothing_of_what_it_replaced(tmp_path: Path) -> None:
    from mtl.core.cli.main import run

    path = tmp_path / "run"
    compose(path, seeds=[3])
    with pytest.raises(KeyboardInterrupt):
        compose(path, seeds=[3, 5], progress=Interrupting(), force=True)
    assert len(list(tmp_path.iterdir())) == 2
    assert run(["resume", str(path), "--device", "cpu"]) == 0
    assert list(tmp_path.iterdir()) == [path]


def test_a_mistake_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(mtl.errors.RecipeError):
        compose(tmp_path / "run", seeds=2, encoder={"name": "mlp", "hidden": []})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["predict", "serve", "verify"])
def test_commands_that_want_one_run_name_the_seeds(
    command: str, many: SeedRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    from mtl.core.cli.main import run

    picture = ["picture.png"] if command == "predict" else []
    assert run([command, str(many.path), *picture]) == 2
    error = capsys.readouterr().err
    assert f"{many.path} holds the runs of several seeds" in error
    assert f"hint: name one of them: {many.path / 'seed-3'}" in error


def test_the_command_line_refuses_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    from mtl.core.cli.main import run

    assert run(["compose", "--tasks", "parity", "--seeds", "3,3"]) == 2
    assert "seed 3 is given more than once" in capsys.readouterr().err
