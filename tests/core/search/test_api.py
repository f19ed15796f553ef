"""`mtl.search` is the command line's search, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mtl
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe

ASKED: dict[str, Any] = {
    "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 16},
    "encoder": {"name": "mlp", "hidden": [4]},
    "epochs": 1,
    "set": {"train.batch_size": 20},
    "device": "cpu",
}


def test_lists_and_ranges_are_tried_and_the_best_recipe_is_written(
    tmp_path: Path, registry: Registry
) -> None:
    space = {
        "encoder.hidden": [[4], [8]],
        "train.learning_rate": "log:1e-4..1e-2",
        "train.optimizer": ["adam", "sgd"],
    }
    found = mtl.search(["shape-count"], space=space, trials=2, out=tmp_path / "search", **ASKED)
    assert len(found.trials) == 2
    assert all(trial.values["encoder.hidden"] in ("[4]", "[8]") for trial in found.trials)
    recipe = read(read_recipe(found.path / "best.yaml"), registry)
    assert recipe.train.learning_rate == found.best[0].values["train.learning_rate"]
    again = mtl.search(["shape-count"], space=space, trials=2, out=tmp_path / "search", **ASKED)
    assert again.trials == found.trials


def test_a_space_that_names_no_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mtl.errors.MtlError, match="learning_rat"):
        mtl.search(["shape-count"], space={"train.learning_rat": "1e-4..1e-2"}, out=tmp_path / "s", **ASKED)
