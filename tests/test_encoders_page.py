"""docs/encoders.md: its recipes are composed, its commands run, its table is what was measured."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from mtl.core.cli.main import run

timm = pytest.importorskip("timm", reason="the extra timm is not installed")

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "encoders.md").read_text()
RECIPES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
LISTS = re.findall(r"^    (mtl list [^#\n]*)", PAGE, re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures and weights that the page's recipes name, at random."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "torch"))
    kept = tmp_path / "torch" / "checkpoints"
    kept.mkdir(parents=True)
    torch.save(mobilenet_v2().state_dict(), kept / Path(MobileNet_V2_Weights.DEFAULT.url).name)
    (tmp_path / "weights").mkdir()
    small = timm.create_model("mobilenetv3_small_100")
    save_file(small.state_dict(), tmp_path / "weights" / "mobilenetv3.safetensors", {"license": "apache-2.0"})
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for kind in ("bird", "cat", "deer", "dog", "frog", "horse", "ship"):
            (tmp_path / "photos" / split / kind).mkdir(parents=True)
            for number in range(2):
                pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "photos" / split / kind / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_a_recipe_of_the_page_is_composed(
    number: int, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = RECIPES[number]
    if "dataset:" not in text:
        text = "dataset: {name: image-folder, data_dir: photos, size: 64}\n" + text
    if "tasks:" not in text:
        text += "tasks: {classify: {}}\n"
    Path("recipe.yaml").write_text(text)
    assert run(["compose", "--recipe", "recipe.yaml", "--dry-run"]) == 0, capsys.readouterr().err
    assert "mean:" in capsys.readouterr().out


@pytest.mark.parametrize("line", LISTS)
def test_a_list_of_the_page_finds_networks(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*shlex.split(line)[1:], "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) > 2


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The measurement; the folder of benchmarks is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.encoders")


def test_the_table_of_the_page_is_what_was_measured(benchmark: Any) -> None:
    found = json.loads(benchmark.RESULTS.read_text())
    assert f"<!-- table: encoders -->\n{benchmark.table(found)}\n<!-- end -->" in PAGE


def test_the_recipe_of_the_page_is_the_one_that_was_measured(benchmark: Any) -> None:
    from ruamel.yaml import YAML

    stated = YAML(typ="safe", pure=True).load(RECIPES[-1])
    measured = benchmark.recipe(Path("photos"), Path("weights.pth"))
    assert stated["encoder"].pop("weights") == "pretrained"
    assert measured["encoder"].pop("weights")
    assert stated == measured
