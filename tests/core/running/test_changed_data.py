"""A run whose table was edited after its training says so, wherever its data are read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource, read_recipe
from mtl.core.running.run import load_run

from .conftest import Notes, pipeline_of


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of 40 small pictures with a class each, all in the part that a column names."""
    lines = ["path,kind,split"]
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 255, (8, 8), dtype=np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        part = ("train", "train", "validation", "test")[number % 4]
        lines.append(f"{number}.png,{'odd' if number % 3 else 'even'},{part}")
    path = tmp_path / "photos.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def train(table: Path, registry: Registry, path: Path, tasks: list[str]) -> None:
    tree = {
        "dataset": {"name": "table", "file": str(table), "size": 8},
        "tasks": tasks,
        "encoder": {"name": "mlp", "hidden": [4]},
        "train": {"epochs": 1, "batch_size": 10},
    }
    pipeline_of(registry).run(read(RecipeSource(tree), registry), path)


def longer(run: Path, registry: Registry) -> Notes:
    notes, folder = Notes(), open_run(run)
    recipe = read(read_recipe(run / "recipe.yaml"), registry)
    pipeline_of(registry, notes).resume(folder, recipe, 2)
    return notes


@pytest.fixture
def run(table: Path, registry: Registry, tmp_path: Path) -> Path:
    train(table, registry, tmp_path / "run", tasks=["kind"])
    return tmp_path / "run"


def edit(table: Path, old: str, new: str) -> None:
    table.write_text(table.read_text().replace(old, new))


def evaluated(run: Path, registry: Registry) -> list[str]:
    notes = Notes()
    load_run(run, registry, torch.device("cpu"), notes).evaluate()
    return notes.warnings


def test_data_as_they_were_are_no_news(run: Path, registry: Registry) -> None:
    assert evaluated(run, registry) == []


def test_an_evaluation_tells_that_a_row_changed_its_part(run: Path, table: Path, registry: Registry) -> None:
    edit(table, "3.png,even,test", "3.png,even,train")
    (told,) = evaluated(run, registry)
    assert "train has 21 samples instead of 20, test has 9 samples instead of 10" in told
    assert str(run) in told


def test_a_run_that_goes_on_tells_that_a_label_was_changed(
    run: Path, table: Path, registry: Registry
) -> None:
    edit(table, "4.png,odd,train", "4.png,even,train")
    notes = longer(run, registry)
    assert any("train has other labels 'kind'" in told for told in notes.warnings)


def test_a_run_that_goes_on_keeps_the_standardisation_of_the_numbers_as_they_were(
    table: Path, registry: Registry, tmp_path: Path
) -> None:
    rows = table.read_text().splitlines()
    numbers = ["grams", *(f"{number}.5" for number in range(40))]
    table.write_text("\n".join(f"{row},{number}" for row, number in zip(rows, numbers, strict=True)))
    train(table, registry, tmp_path / "run", tasks=["grams"])
    trained = open_run(tmp_path / "run").checkpoints.latest().tensors
    edit(table, "4.png,odd,train,4.5", "4.png,odd,train,400.5")
    notes = longer(tmp_path / "run", registry)
    assert any("train has other labels 'grams'" in told for told in notes.warnings)
    resumed = open_run(tmp_path / "run").checkpoints.latest()
    assert resumed.epoch == 2
    (name,) = [
        name for name in trained if name.startswith("model/standardizations.") and name.endswith("mean")
    ]
    assert torch.equal(resumed.tensors[name], trained[name])


def test_a_run_whose_data_cannot_be_read_any_more_is_not_made_longer(
    run: Path, table: Path, registry: Registry
) -> None:
    before = (run / "recipe.yaml").read_bytes(), open_run(run).checkpoints.latest().state
    (table.parent / "7.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"7\.png"):
        longer(run, registry)
    assert ((run / "recipe.yaml").read_bytes(), open_run(run).checkpoints.latest().state) == before
