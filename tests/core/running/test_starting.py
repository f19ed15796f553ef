"""A training starts from a run's weights: taken by name, whole parts, told, and known again later."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import MtlError, UsageError
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.folders.run_folder import open_run
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import read_recipe
from mtl.core.running.starting import START, Taken, compose_started

from .conftest import Notes, pipeline_of, recipe_of


def started(registry: Registry, run: Path, **tree: Any) -> tuple[Composition, Taken]:
    recipe = recipe_of(registry, init_from=str(run), **tree)
    composition, taken = compose_started(recipe, registry, print)
    assert taken is not None
    return composition, taken


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    return open_run(run).checkpoints.best()[1]


def test_encoder_and_heads_are_taken_by_name(counted: Path, registry: Registry) -> None:
    composition, taken = started(registry, counted, tasks={"shape-class": {}, "shape-count": {}})
    known, state = weights_of(counted), composition.model.state_dict()
    assert all(
        torch.equal(state[key], value) for key, value in known.items() if key.startswith("sharing.encoder.")
    )
    # The head has another place in this model.
    pairs = [(f"heads.1.{key[8:]}", key) for key in known if key.startswith("heads.0.")]
    assert pairs
    assert all(torch.equal(state[new], known[old]) for new, old in pairs)
    assert taken.parts == ("encoder", "head of 'shape-count'")
    assert taken.fresh == {"head of 'shape-class'": "not in the run"}


@pytest.mark.parametrize("sharing", ["none", "cross-stitch", "mtan", "mmoe"])
def test_one_encoder_is_the_start_of_all(sharing: str, counted: Path, registry: Registry) -> None:
    composition, taken = started(
        registry, counted, sharing=sharing, tasks={"shape-class": {}, "shape-count": {}}
    )
    known = {
        key.removeprefix("sharing.encoder."): value
        for key, value in weights_of(counted).items()
        if key.startswith("sharing.encoder.")
    }
    for encoder in composition.encoders:
        assert all(torch.equal(value, known[key]) for key, value in encoder.state_dict().items())
    assert any(part.startswith("encoder") for part in taken.parts)


def test_encoders_of_tasks_own_are_taken_by_task(registry: Registry, tmp_path: Path) -> None:
    tasks = {"shape-class": {}, "shape-count": {}}
    pipeline_of(registry).run(recipe_of(registry, sharing="none", tasks=tasks), tmp_path / "run")
    others = {"again": {"task": "shape-count"}, "shape-class": {}}
    composition, taken = started(registry, tmp_path / "run", sharing="none", tasks=others)
    known = weights_of(tmp_path / "run")
    for name, value in composition.encoders[1].state_dict().items():
        assert torch.equal(value, known[f"sharing.encoders.0.{name}"])
    assert taken.fresh["encoder 1"] == "not in the run"


def test_the_weights_come_with_the_numbers_they_were_trained_on(counted: Path, registry: Registry) -> None:
    data = {"name": "shapes-synthetic", "train_size": 40, "test_size": 16, "seed": 9}
    composition, _ = started(registry, counted, dataset=data)
    known = weights_of(counted)
    assert composition.recipe.normalization["mean"] == pytest.approx(  # type: ignore[index]
        known["normalization.mean"].tolist(), abs=0
    )
    units = composition.model.standardization("shape-count")
    assert units is not None
    assert torch.equal(units.mean, known["standardizations.0.mean"])


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ({"head": {"name": "mlp", "hidden": [5]}}, "the run's is another kind of head"),
        (
            {"task": "shape-class"},
            "does not fit: heads.shape-count.layers.1.weight is [6, 2] there, [135, 2] here",
        ),
    ],
)
def test_a_head_that_does_not_fit_is_new_and_told(
    task: dict[str, Any], told: str, counted: Path, registry: Registry
) -> None:
    _, taken = started(registry, counted, tasks={"shape-count": task})
    assert taken.fresh == {"head of 'shape-count'": told}
    assert taken.parts == ("encoder",)


def test_an_encoder_that_does_not_fit_is_refused(counted: Path, registry: Registry) -> None:
    wider = {"name": "small-resnet", "widths": [3, 2], "depth": 1}
    with pytest.raises(
        UsageError, match=r"the encoder of .* does not fit: \d+ of \d+ tensors do; encoder\."
    ) as caught:
        started(registry, counted, encoder=wider)
    assert "recipe.yaml" in str(caught.value.hint)


def test_which_encoder_is_whose_must_be_known(registry: Registry, tmp_path: Path) -> None:
    tasks = {"shape-class": {}, "shape-count": {}}
    pipeline_of(registry).run(recipe_of(registry, sharing="none", tasks=tasks), tmp_path / "run")
    with pytest.raises(UsageError, match="has 2 encoders, this model 1: which is whose"):
        started(registry, tmp_path / "run")


def test_a_run_says_what_it_took_and_repeats_itself(
    counted: Path, registry: Registry, tmp_path: Path
) -> None:
    notes = Notes()
    recipe = recipe_of(registry, init_from=str(counted), tasks={"shape-class": {}, "shape-count": {}})
    pipeline_of(registry, notes).run(recipe, tmp_path / "one")
    assert notes.notes[0].startswith(f"weights from {counted}: encoder, head of 'shape-count'")
    assert json.loads((tmp_path / "one" / START).read_text())["new"] == {
        "head of 'shape-class'": "not in the run"
    }
    written = read(read_recipe(tmp_path / "one" / "recipe.yaml"), registry)
    assert written.init_from is not None
    assert written.init_from.weights == open_run(counted).checkpoints.best_digest()
    pipeline_of(registry).run(written, tmp_path / "two")
    one, two = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_resumed_run_does_not_need_the_run_it_started_from(
    counted: Path, registry: Registry, tmp_path: Path
) -> None:
    shutil.copytree(counted, tmp_path / "first")
    recipe = recipe_of(registry, init_from=str(tmp_path / "first"), train={"epochs": 1})
    pipeline_of(registry).run(recipe, tmp_path / "run")
    shutil.rmtree(tmp_path / "first")
    folder = open_run(tmp_path / "run")
    pipeline_of(registry).resume(folder, read(read_recipe(folder.path / "recipe.yaml"), registry))


def test_other_weights_than_the_recipe_names_are_refused(counted: Path, registry: Registry) -> None:
    start = {"run": str(counted), "weights": "0" * 64}
    with pytest.raises(UsageError, match="does not hold the weights that the recipe starts from") as caught:
        compose_started(recipe_of(registry, init_from=start), registry, print)
    assert caught.value.hint


@pytest.mark.parametrize("damage", ["weights", "manifest", "recipe", "nothing there"])
def test_a_damaged_run_is_refused_before_anything_is_made(
    damage: str, counted: Path, registry: Registry, tmp_path: Path
) -> None:
    run = tmp_path / "first"
    if damage != "nothing there":
        shutil.copytree(counted, run)
        name = {
            "weights": "checkpoint/best-*",
            "manifest": "checkpoint/manifest.json",
            "recipe": "recipe.yaml",
        }
        (file,) = run.glob(name[damage])
        content = file.read_bytes()
        file.write_bytes(content.replace(b"seed: 0", b"seed: 1", 1) if damage == "recipe" else content[:-9])
    with pytest.raises(MtlError) as caught:
        pipeline_of(registry).run(recipe_of(registry, init_from=str(run)), tmp_path / "run")
    assert caught.value.status == 2
    assert str(run) in str(caught.value)
    assert caught.value.hint
    assert not (tmp_path / "run").exists()


def test_a_recipe_without_a_start_is_what_it_was(registry: Registry) -> None:
    recipe = recipe_of(registry)
    assert "init_from" not in recipe.to_plain()
    assert compose_started(recipe, registry, print)[1] is None
