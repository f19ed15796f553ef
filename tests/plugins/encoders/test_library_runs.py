"""Weights of somebody's, from the command line: told before training, kept with the run, needed once."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from safetensors.torch import save_file

from mtl.core.cli.main import run
from mtl.core.contracts.specs import ImageSpec

pytest.importorskip("timm", reason="the extra timm is not installed")

from mtl.plugins.encoders.timm import Timm

SMALL = {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 16]}


def command(*arguments: str) -> tuple[int, str, str]:
    said, shown = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(shown):
        status = run(list(arguments))
    return status, said.getvalue(), shown.getvalue()


def written(folder: Path, **options: Any) -> str:
    encoder = {"name": "timm", "model": "resnet18", "arguments": SMALL, **options}
    recipe = {
        "dataset": {"name": "shapes-synthetic", "train_size": 20, "test_size": 8},
        "encoder": encoder,
        "tasks": {"shape-count": {}},
        "train": {"epochs": 1, "learning_rate": 1e-9},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    return str(folder / "recipe.yaml")


def test_a_run_says_where_its_weights_come_from_and_needs_them_no_more(tmp_path: Path) -> None:
    weights = tmp_path / "somebody.safetensors"
    torch.manual_seed(5)
    network: Any = Timm(ImageSpec(3, 32, 32), (), model="resnet18", arguments=SMALL)._network(32, 32, 4)
    save_file(network.state_dict(), weights, metadata={"license": "cc-by-4.0"})
    recipe, out = written(tmp_path, weights=str(weights)), tmp_path / "run"
    status, said, _ = command("compose", "--recipe", recipe, "--out", str(out))
    assert status == 0, said
    weights.unlink()
    (stated,) = json.loads((out / "environment.json").read_text())["weights"]
    assert (stated["network"], stated["source"], stated["licence"]) == (
        "resnet18",
        "somebody.safetensors",
        "cc-by-4.0",
    )
    assert "cc-by-4.0" in (out / "report.html").read_text()
    status, said, _ = command("export", str(out), "--to", str(tmp_path / "again.onnx"))
    assert status == 0, said
    metadata = {item.key: item.value for item in onnx.load(tmp_path / "again.onnx").metadata_props}
    assert json.loads(metadata["mtl.weights"]) == [stated]
    status, said, _ = command("compose", "--recipe", recipe, "--dry-run")
    assert status == 2
    assert "somebody.safetensors: cannot be read as weights of a network: No such file" in said


def test_what_does_not_work_is_told_in_a_line_before_training(tmp_path: Path) -> None:
    for options, expected in (
        ({"model": "resnet81"}, "has no model 'resnet81': did you mean 'resnet18'"),
        ({"weights": "pretrainde"}, "pretrainde: cannot be read as weights of a network: No such file"),
        ({"arguments": {"layer": 1}}, "model 'resnet18' cannot be made with these arguments"),
    ):
        status, said, _ = command("compose", "--recipe", written(tmp_path, **options), "--dry-run")
        assert status == 2
        assert expected in said.splitlines()[0]
        assert len(said.splitlines()) == 2, said
        assert said.splitlines()[1].startswith("  hint: ")
