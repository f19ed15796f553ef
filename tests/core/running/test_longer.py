"""A finished run gets more epochs: bit for bit those of a longer training where the schedule allows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.running.longer import lengthened

from .conftest import Notes, pipeline_of, recipe_of


def lengthen(registry: Registry, run: Path, epochs: int) -> Notes:
    notes, folder = Notes(), open_run(run)
    recipe = read(read_recipe(run / "recipe.yaml"), registry)
    pipeline_of(registry, notes).resume(folder, recipe, epochs)
    return notes


def test_more_epochs_are_those_of_a_longer_training(registry: Registry, tmp_path: Path) -> None:
    more = {"freeze": ["*.stem.*"], "unfreeze_after": 1, "ema": 0.9}
    pipeline_of(registry).run(recipe_of(registry, train={"epochs": 3, **more}), tmp_path / "whole")
    pipeline_of(registry).run(recipe_of(registry, train={"epochs": 2, **more}), tmp_path / "run")
    assert lengthen(registry, tmp_path / "run", 3).notes == ["goes on after epoch 2 of 3"]
    one, two = (open_run(tmp_path / name).checkpoints.latest() for name in ("whole", "run"))
    assert one.state == two.state
    assert one.tensors.keys() == two.tensors.keys()
    assert all(torch.equal(one.tensors[key], two.tensors[key]) for key in one.tensors)
    assert read(read_recipe(tmp_path / "run" / "recipe.yaml"), registry).train.epochs == 3


def test_a_schedule_that_looks_at_the_end_is_told(registry: Registry, tmp_path: Path) -> None:
    pipeline_of(registry).run(
        recipe_of(registry, train={"epochs": 2, "schedule": "cosine"}), tmp_path / "run"
    )
    note, _ = lengthen(registry, tmp_path / "run", 3).notes
    assert "the schedule looks at the whole length: from epoch 3 on it is that of 3 epochs" in note


@pytest.mark.parametrize("epochs", [1, 0])
def test_no_more_epochs_are_refused(epochs: int, counted: Path, registry: Registry, tmp_path: Path) -> None:
    shutil.copytree(counted, tmp_path / "run")
    with pytest.raises(UsageError, match=r"has 1 of 1 epochs: .* is not more") as caught:
        lengthen(registry, tmp_path / "run", epochs)
    assert caught.value.hint


def test_a_run_that_stopped_early_is_refused(registry: Registry, tmp_path: Path) -> None:
    train = {"epochs": 5, "patience": 1, "min_delta": 1e9}
    pipeline_of(registry).run(recipe_of(registry, train=train), tmp_path / "run")
    with pytest.raises(UsageError, match="stopped early, after epoch 2: more epochs would change nothing"):
        lengthen(registry, tmp_path / "run", 9)


def test_killed_between_checkpoint_and_recipe_the_same_command_goes_on(
    counted: Path, registry: Registry, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(counted, tmp_path / "run"))
    before = (run / "recipe.yaml").read_text()
    folder = open_run(run)
    recipe = read(read_recipe(run / "recipe.yaml"), registry)
    with lengthened(folder, recipe, 2, registry, print, print):
        pass
    (run / "recipe.yaml").write_text(before)
    lengthen(registry, run, 2)
    assert open_run(run).checkpoints.latest().epoch == 2


def test_a_cell_of_a_comparison_is_refused(counted: Path, registry: Registry, tmp_path: Path) -> None:
    run = Path(shutil.copytree(counted, tmp_path / "cells" / "hard-seed-0"))
    (tmp_path / "plan.json").write_text("{}")
    before = (run / "recipe.yaml").read_bytes()
    with pytest.raises(UsageError, match="belongs to a comparison, whose runs are equally long"):
        lengthen(registry, run, 2)
    assert (run / "recipe.yaml").read_bytes() == before


def test_a_run_of_several_seeds_is_refused(counted: Path, registry: Registry, tmp_path: Path) -> None:
    run = Path(shutil.copytree(counted, tmp_path / "seed-0"))
    (tmp_path / "seeds.json").write_text('{"seeds": [0]}')
    with pytest.raises(UsageError, match="belongs to several seeds"):
        lengthen(registry, run, 2)
