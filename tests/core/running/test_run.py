"""A run read from its folder: of what it was trained with, and with one writer at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from mtl.core.api import load
from mtl.core.base.errors import MtlError
from mtl.core.base.progress import Progress
from mtl.core.discovery.registry import Registry
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.recipe.request import Request
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.run import load_run
from mtl.plugins.forms import Binary


@pytest.fixture(scope="module")
def finished(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "run"
    settings = ["dataset.train_size=40", "dataset.test_size=16", "encoder.hidden=[4]"]
    flags = {"dataset": "shapes-synthetic", "encoder": "mlp", "epochs": 1}
    recipe = read(Request(None, ["shape-count"], flags, settings).source(registry), registry)
    Pipeline(registry, torch.device("cpu"), publishes=False).run(recipe, path)
    return path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


READERS: dict[str, Callable[[Path], object]] = {
    "load": lambda path: load(path).model,
    "evaluate": lambda path: load(path).evaluate(),
    "export": lambda path: load(path).export(path.parent / "out.onnx"),
    "verify": lambda path: load(path).verify(),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("train_size: 40", "train_size: 48", "dataset: train_size 40 there, 48 here"),
        ("split_seed: 0", "split_seed: 1", "train: split_seed 0 there, 1 here"),
        ("learning_rate: 0.001", "learning_rate: 0.005", "train: learning_rate 0.001 there, 0.005 here"),
    ],
)
def test_a_recipe_that_was_changed_after_the_training_is_refused(
    reader: str, old: str, new: str, told: str, run: Path
) -> None:
    text = (run / "recipe.yaml").read_text()
    assert old in text
    (run / "recipe.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(MtlError, match=rf"recipe.yaml is not what the checkpoint .*: {told}") as caught:
        READERS[reader](run)
    assert caught.value.status == 2
    assert not (run.parent / "out.onnx").exists()


@pytest.fixture(scope="module")
def of_folders(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("of_folders")
    for place, count in (("train", 6), ("test", 2)):
        for shade, name in ((30, "ape"), (200, "bee")):
            (path / "data" / place / name).mkdir(parents=True)
            for number in range(count):
                picture = np.full((8, 8), shade + number, np.uint8)
                PIL.Image.fromarray(picture).save(path / "data" / place / name / f"{number}.png")
    flags = {"dataset": "image-folder", "encoder": "mlp", "epochs": 1}
    settings = [f"dataset.data_dir={path / 'data'}", "dataset.channels=1", "encoder.hidden=[4]"]
    recipe = read(Request(None, ["classify"], flags, settings).source(registry), registry)
    Pipeline(registry, torch.device("cpu"), publishes=False).run(recipe, path / "run")
    return path


def _rename_a_class(data: Path) -> None:
    for place in ("train", "test"):
        (data / place / "ape").rename(data / place / "cat")


def _add_a_class(data: Path) -> None:
    for place in ("train", "test"):
        shutil.copytree(data / place / "ape", data / place / "cow")


def _shrink_the_pictures(data: Path) -> None:
    for path in data.rglob("*.png"):
        PIL.Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


@pytest.mark.parametrize("reader", [*READERS, "resume"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_rename_a_class, r'labels: class: classes \["ape", "bee"\] there, \["bee", "cat"\] here'),
        (_add_a_class, r'labels: class: classes \["ape", "bee"\] there, \["ape", "bee", "cow"\] here'),
        (_shrink_the_pictures, "image: height 8 there, 4 here"),
    ],
)
def test_data_of_another_form_than_in_training_are_refused(
    reader: str,
    change: Callable[[Path], None],
    told: str,
    of_folders: Path,
    tmp_path: Path,
    registry: Registry,
) -> None:
    shutil.copytree(of_folders, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "run"
    recipe = path / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(str(of_folders / "data"), str(tmp_path / "data")))
    change(tmp_path / "data")
    work = READERS.get(reader, lambda path: _resume(path, registry))
    with pytest.raises(
        MtlError, match=rf"the data are not what the checkpoint of epoch 1 .*: {told}"
    ) as caught:
        work(path)
    assert caught.value.status == 2
    assert not (tmp_path / "out.onnx").exists()


def _resume(path: Path, registry: Registry) -> None:
    Pipeline(registry, torch.device("cpu"), publishes=False).resume(
        open_run(path), read(read_recipe(path / "recipe.yaml"), registry)
    )


def test_a_label_column_that_came_later_and_an_older_checkpoint_are_no_other_data(run: Path) -> None:
    folder = open_run(run)
    state = folder.checkpoints.state()
    assert state is not None
    spec = load(run).composition.dataset_spec
    folder.refuse_other_data(replace(spec, labels={**spec.labels, "later": Binary()}), state)
    folder.refuse_other_data(spec, {key: value for key, value in state.items() if key != "data"})
    with pytest.raises(MtlError, match="the data are not"):
        folder.refuse_other_data(replace(spec, labels={}), state)


class Diary(Progress):
    """Remembers warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def test_weights_without_a_checkpoint_are_read_and_that_is_told(run: Path, registry: Registry) -> None:
    for path in (run / "checkpoint").glob("epoch-*.json"):
        path.unlink()
    diary = Diary()
    assert load_run(run, registry, progress=diary).evaluate() == load_run(run, registry).metrics["test"]
    (told,) = diary.warnings
    assert told == f"no intact checkpoint says whether the run was trained with {run / 'recipe.yaml'}"


def test_an_export_into_a_run_in_which_somebody_works_is_refused(run: Path) -> None:
    before = sorted(path.name for path in run.rglob("*"))
    with open_run(run).enter(print):
        for target in (None, run / "other.onnx", run / "deep" / "other.onnx"):
            with pytest.raises(MtlError, match=r"another process is at work in .*run: process") as caught:
                load(run).export(target)
            assert caught.value.status == 2
    assert sorted(path.name for path in run.rglob("*")) == before


def test_an_export_into_another_run_takes_that_runs_lock(run: Path) -> None:
    other = Path(shutil.copytree(run, run.with_name("other")))
    with open_run(other).enter(print), pytest.raises(MtlError, match=r"at work in .*other"):
        load(run).export(other / "model.onnx")


def test_an_export_into_a_seed_takes_the_lock_of_all(run: Path) -> None:
    whole = run.with_name("whole")
    seed = Path(shutil.copytree(run, whole / "seed-0"))
    (whole / "seeds.json").write_text(json.dumps({"seeds": [0]}))
    with open_run(seed).enter(print), pytest.raises(MtlError, match=r"at work in .*whole"):
        load(seed).export()


def test_an_export_elsewhere_needs_no_lock_and_one_into_the_run_leaves_none(run: Path) -> None:
    with open_run(run).enter(print):
        load(run).export(run.parent / "beside.onnx")
    (run / ".model.onnx.00000000.partial").write_bytes(b"half")
    load(run).export()
    assert not [path.name for path in run.iterdir() if path.name.startswith(".")]
    assert (run / "model.onnx").read_bytes() == (run.parent / "beside.onnx").read_bytes()


def test_metrics_that_were_edited_are_in_no_export_and_in_no_proof(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["test"]["shape-count"]["rmse"] = 0.0001
    (run / "metrics.json").write_text(json.dumps(metrics))
    for work in (READERS["export"], READERS["verify"]):
        with pytest.raises(MtlError, match=r"metrics.json is not what the run measured: its sum") as caught:
            work(run)
        assert (caught.value.status, caught.value.hint) == (2, f"mtl resume {run} measures again")
    assert not (run.parent / "out.onnx").exists()


def test_metrics_laid_out_otherwise_are_the_same(run: Path) -> None:
    metrics = load(run).metrics
    (run / "metrics.json").write_text(json.dumps(metrics, sort_keys=True))
    assert load(run).metrics == metrics
