"""`mtl prune`: a model with fewer channels is a run like any other, or is refused, and says what it costs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.cli.main import run

pytestmark = pytest.mark.slow
Command = Callable[..., Any]
LOSSES = ("--max-drop", "accuracy=100", "--device", "cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, and the same with half its channels, not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    small = ("--encoder", "mlp", "--set", "encoder.hidden=[8,6]", "--set", "train.validation=0.8")
    size = ("--epochs", "1", "--set", "train.batch_size=128", "--device", "cpu")
    assert run(["compose", "--tasks", "classify", *small, *size, "--out", str(folder / "first")]) == 0
    words = ["prune", str(folder / "first"), "--ratio", "0.5", "--epochs", "1", *LOSSES]
    assert run([*words, "--out", str(folder / "pruned")]) == 0
    return folder


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Path:
    for name in ("first", "pruned"):
        shutil.copytree(trained / name, tmp_path / name)
    return tmp_path


def test_what_is_saved_and_what_it_costs_stands_in_the_run(trained: Path) -> None:
    found = json.loads((trained / "pruned" / "pruning.json").read_text())
    wide, narrow = 784 * 8 + 8 + 8 * 6 + 6 + 6 * 10 + 10, 784 * 4 + 4 + 4 * 3 + 3 + 3 * 10 + 10
    assert found["parameters"] == [wide, narrow]
    files = [(trained / name / "model.onnx").stat().st_size for name in ("first", "pruned")]
    assert found["bytes"] == files
    assert all(len(found[f"milliseconds_at_{batch}"]) == 2 for batch in (1, 64))
    assert found["quality"]["classify"]["metric"] == "accuracy"
    assert found["quality"]["classify"]["held"]


def test_what_is_saved_is_told_of_files_of_one_form(here: Path, mtl: Command) -> None:
    assert mtl("export", "first", "--precision", "int8", "--max-drop", "accuracy=100").status == 0
    result = mtl("prune", "first", "--epochs", "1", *LOSSES, "--out", "less", "--json")
    assert result.status == 0, result.err
    known = json.loads((here / "pruned" / "pruning.json").read_text())
    assert json.loads(result.out)["pruning"]["bytes"] == known["bytes"]


def test_a_pruned_run_is_a_run_like_any_other(here: Path, mtl: Command) -> None:
    shutil.rmtree(here / "first")
    assert mtl("verify", "pruned").status == 0
    exported = mtl("export", "pruned", "--to", "again.onnx")
    assert exported.status == 0, exported.err
    assert (here / "again.onnx").read_bytes() == (here / "pruned" / "model.onnx").read_bytes()
    assert mtl("resume", "pruned", "--epochs", "2", "--device", "cpu").status == 0


@pytest.mark.parametrize(
    "words",
    [
        ("extend", "pruned", "--tasks", "parity", "--out", "more"),
        ("extend", "pruned", "--tasks", "parity", "--finetune", "--out", "more"),
        ("compose", "--recipe", "pruned", "--init-from", "pruned", "--dry-run"),
    ],
)
def test_only_pruning_starts_from_a_pruned_run(words: tuple[str, ...], here: Path, mtl: Command) -> None:
    result = mtl(*words, "--device", "cpu")
    assert result.status == 2
    assert "pruned was pruned: its encoder is narrower than any recipe builds" in result.err
    assert "first, and prune the result with mtl prune" in result.err
    assert not (here / "more").exists()


def test_a_pruned_model_is_pruned_further(here: Path, mtl: Command) -> None:
    result = mtl("prune", "pruned", "--ratio", "0.5", "--epochs", "1", *LOSSES, "--out", "less", "--json")
    assert result.status == 0, result.err
    before, after = json.loads(result.out)["pruning"]["parameters"]
    assert after < before == json.loads((here / "pruned" / "pruning.json").read_text())["parameters"][1]


def test_a_task_that_loses_too_much_gets_no_file(here: Path, mtl: Command) -> None:
    # A learning rate of nothing: what was cut off does not heal.
    options = ("--epochs", "1", "--set", "train.learning_rate=1e-9", "--max-drop", "classify=0")
    result = mtl("prune", "first", "--ratio", "0.8", *options, "--device", "cpu", "--out", "less")
    assert result.status == 4
    assert "task 'classify' loses too much by pruning: accuracy" in result.err
    assert "--ratio" in result.err
    assert not list((here / "less").glob("*.onnx"))
    assert mtl("evaluate", "less", "--device", "cpu").status == 0


def test_the_gate_stands_when_the_run_goes_on(here: Path, mtl: Command) -> None:
    options = ("--epochs", "1", "--set", "train.learning_rate=1e-9", "--max-drop", "classify=0")
    refused = mtl("prune", "first", "--ratio", "0.8", *options, "--device", "cpu", "--out", "less")
    words = next(line for line in refused.err.splitlines() if line.startswith("error: "))
    for command in (
        ("resume", "less", "--device", "cpu"),
        ("export", "less"),
        ("export", "less", "--to", "x.onnx"),
    ):
        again = mtl(*command)
        assert (again.status, words in again.err) == (4, True), command
        assert not [*(here / "less").glob("*.onnx"), *here.glob("*.onnx")]
    shutil.rmtree(here / "first")
    assert mtl("resume", "less", "--device", "cpu").status == 4


def test_a_longer_run_tells_its_own_figures(here: Path, mtl: Command) -> None:
    before = json.loads((here / "pruned" / "pruning.json").read_text())
    longer = mtl("resume", "pruned", "--epochs", "2", "--device", "cpu")
    assert longer.status == 0, longer.err
    assert "lost on validation" in longer.out
    after = json.loads((here / "pruned" / "pruning.json").read_text())
    assert (after["bytes"], after["parameters"]) == (before["bytes"], before["parameters"])
    metrics = json.loads((here / "pruned" / "metrics.json").read_text())
    then, now = (it["quality"]["classify"]["validation"] for it in (before, after))
    assert then[0] == now[0]
    assert then[1] != now[1] == metrics["validation"]["classify"]["accuracy"]


def test_an_interrupted_pruning_is_judged_when_it_is_resumed(
    here: Path, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr("mtl.core.running.pipeline.Pipeline.finish", interrupt)
        options = ("--epochs", "1", "--set", "train.learning_rate=1e-9", "--max-drop", "classify=0")
        words = ("prune", "first", "--ratio", "0.8", *options, "--device", "cpu", "--out", "less")
        assert mtl(*words).status == 130
    assert json.loads((here / "less" / "pruning.json").read_text())["max_drop"] == {"classify": 0}
    resumed = mtl("resume", "less", "--device", "cpu")
    assert resumed.status == 4
    assert "task 'classify' loses too much by pruning: accuracy" in resumed.err
    assert not list((here / "less").glob("*.onnx"))


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--ratio", "1"), 2, "--ratio"),
        (("--max-drop", "clasify=1"), 2, "max_drop names 'clasify'\n  hint: did you mean 'classify'?"),
        (("--set", "encoder.hidden=[9]"), 2, "does not fit"),
    ],
)
def test_what_cannot_be_is_refused_before_it_trains(
    options: tuple[str, ...], status: int, message: str, here: Path, mtl: Command
) -> None:
    result = mtl("prune", "first", *options, "--out", "less", "--device", "cpu")
    assert result.status == status
    assert message in result.err
    assert not (here / "less").exists()


def test_without_the_library_it_says_what_to_install(
    here: Path, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_pruning", None)
    result = mtl("prune", "first", "--out", "less", "--device", "cpu")
    assert result.status == 5
    assert "pip install 'mtl-composer[prune]'" in result.err
    # A run that is pruned already needs nothing of it.
    assert mtl("evaluate", "pruned", "--device", "cpu").status == 0
