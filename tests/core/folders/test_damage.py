"""A run that is gone on with gives the same bytes, or a refusal that names the file, whatever was damaged."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import MtlError
from mtl.core.base.progress import Progress
from mtl.core.discovery.registry import Registry
from mtl.core.folders.differences import without_later
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.recipe.request import Request
from mtl.core.running.pipeline import Pipeline

FILES = (
    "recipe.yaml",
    "environment.json",
    "history.csv",
    "checkpoint/manifest.json",
    "checkpoint/epoch-00002.json",
    "checkpoint/epoch-00002.safetensors",
)
FORMS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "a list": lambda path: path.write_text("[]"),
    "a number": lambda path: path.write_text("3"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "gone": lambda path: path.unlink(),
}
FORCED = {"recipe.yaml": "recipe.yaml", "checkpoint/manifest.json": "manifest.json"}
"""Without these a run cannot go on; everything else is made up for."""


class Diary(Progress):
    """Remembers warnings, and stops after an epoch."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.warnings: list[str] = []

    def epoch(self, epoch: int, row: Any, best: bool) -> None:
        if epoch == self.stop:
            raise KeyboardInterrupt

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def result(run: Path) -> dict[str, Any]:
    """What must not differ: the last checkpoint and the chosen weights, the metrics, the history."""
    manifest = json.loads((run / "checkpoint" / "manifest.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    del metrics["training"]["seconds"]
    rows = [line.split(",") for line in (run / "history.csv").read_text().splitlines()]
    clock = rows[0].index("seconds")
    return {
        "last": manifest["checkpoints"][-1]["files"],
        "best": manifest["best"],
        "metrics": metrics,
        "history": [row[:clock] + row[clock + 1 :] for row in rows],
    }


def resume(run: Path, registry: Registry) -> Diary:
    diary = Diary()
    folder = open_run(run)
    recipe = read(read_recipe(run / "recipe.yaml"), registry)
    Pipeline(registry, torch.device("cpu"), diary, publishes=False).resume(folder, recipe)
    return diary


def asked_for(registry: Registry) -> Recipe:
    """The recipe as a person asks for it: most of it is left to defaults."""
    settings = ["dataset.train_size=40", "dataset.test_size=16", "encoder.hidden=[4]"]
    flags = {"dataset": "shapes-synthetic", "encoder": "mlp", "epochs": 3}
    return read(Request(None, ["shape-count"], flags, settings).source(registry), registry)


@pytest.fixture(scope="module")
def stopped(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run stopped after the second of three epochs, and what it becomes."""
    path = tmp_path_factory.mktemp("stopped") / "run"
    recipe = asked_for(registry)
    with pytest.raises(KeyboardInterrupt):
        Pipeline(registry, torch.device("cpu"), Diary(2), publishes=False).run(recipe, path)
    whole = path.with_name("whole")
    shutil.copytree(path, whole)
    assert resume(whole, registry).warnings == []
    return path, result(whole)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_form_is_made_up_for_or_named(
    name: str, form: str, stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    path, whole = stopped
    run = tmp_path / "run"
    shutil.copytree(path, run)
    FORMS[form](run / name)
    if form == "a folder":  # it is somebody's: never removed to make room
        with pytest.raises(MtlError, match=Path(name).name if name not in FORCED else FORCED[name]):
            resume(run, registry)
    elif name in FORCED:
        with pytest.raises(
            MtlError, match=FORCED[name] if form != "gone" else "recipe.yaml|no intact"
        ) as caught:
            resume(run, registry)
        assert caught.value.status == 2
    else:
        told = resume(run, registry).warnings
        assert result(run) == whole
        assert len(told) == 1
        assert (Path(name).name if "epoch" not in name else "the checkpoint of epoch 2") in told[0]


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    path.write_bytes(content)


def judge_flip(path: Path, whole: dict[str, Any], run: Path, registry: Registry, number: int) -> None:
    """Flip a bit of a file chosen by a number, and go on."""
    choice = random.Random(number)
    name = FILES[number % len(FILES)]
    shutil.copytree(path, run)
    bit = choice.randrange(8 * (run / name).stat().st_size)
    flip(run / name, bit)
    refusal = None
    try:
        resume(run, registry)
    except MtlError as error:
        refusal = error
    if refusal is None:
        assert result(run) == whole, (name, bit)
    else:
        assert Path(name).name in str(refusal), (name, bit, str(refusal))
        assert refusal.status in (2, 3), (name, bit, str(refusal))


@pytest.mark.parametrize("number", range(12))
def test_a_flipped_bit_never_trains_another_model(
    number: int, stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    judge_flip(*stopped, tmp_path / "run", registry, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(12, 300))
def test_no_flipped_bit_of_many_trains_another_model(
    number: int, stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    judge_flip(*stopped, tmp_path / "run", registry, number)


def test_the_recipe_as_it_was_asked_for_goes_on_too(
    stopped: tuple[Path, dict[str, Any]], tmp_path: Path, registry: Registry
) -> None:
    path, whole = stopped
    run = tmp_path / "run"
    shutil.copytree(path, run)
    Pipeline(registry, torch.device("cpu"), Diary(), publishes=False).resume(
        open_run(run), asked_for(registry)
    )
    assert result(run) == whole


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("seed: 0", "seed: 2", "seed 0 there, 2 here"),
        ("epochs: 3", "epochs: 7", "train: epochs 3 there, 7 here"),
    ],
)
def test_another_recipe_is_refused_and_says_what_differs(
    old: str, new: str, told: str, stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped[0], run)
    text = (run / "recipe.yaml").read_text()
    assert old in text
    (run / "recipe.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(MtlError, match=f"recipe.yaml is not what the checkpoint .* trained with: {told}"):
        resume(run, registry)


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_an_epoch_in_the_manifest_that_the_checkpoint_denies_is_refused(
    epoch: int, stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped[0], run)
    path = run / "checkpoint" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]  # as earlier versions wrote it
    path.write_text(json.dumps(manifest))
    assert resume(shutil.copytree(run, tmp_path / "right"), registry).warnings == []
    manifest["checkpoints"][-1]["epoch"] = epoch
    path.write_text(json.dumps(manifest))
    with pytest.raises(MtlError, match=rf"manifest.json.*it says epoch {epoch}, the checkpoint itself 2"):
        resume(run, registry)


def test_a_second_writer_is_refused_before_anything_changes(
    stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped[0], run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with open_run(run).enter(print):
        with pytest.raises(MtlError, match=r"another process is at work in .*: process") as caught:
            resume(run, registry)
        assert caught.value.status == 2
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_whose_folder_is_taken_away_makes_no_other(
    stopped: tuple[Path, dict[str, Any]], registry: Registry, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(stopped[0], run)
    folder = open_run(run).enter(print)
    shutil.rmtree(run)
    with folder, pytest.raises(MtlError, match="was moved or removed while it was written"):
        folder.check()
    with pytest.raises(MtlError, match="does not exist"):
        folder.write_history([{"epoch": 1}])
    assert not run.exists()


@pytest.mark.parametrize(
    ("written", "same"),
    [({"name": "onnx"}, True), ({"name": "onnx", "later": 0.5}, False), ("onnx", True), (None, True)],
)
def test_an_option_that_came_later_is_no_other_recipe_unless_somebody_wrote_it(written, same):
    here, known = {"export": {"name": "onnx", "later": 0.5}}, {"export": {"name": "onnx"}}
    assert (without_later(here, known, {"export": written}) == known) is same
