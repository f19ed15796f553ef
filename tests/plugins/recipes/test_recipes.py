"""Every shipped recipe composes from data in the published formats, as large as its original says."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.shipped_recipes import recipe_text
from mtl.plugins import recipes

Compose = Callable[..., Composition]
NAMES = [component.name for component in recipes.COMPONENTS]
FOLDER = Path(recipes.__file__).parent
LARGE = ("celeba",)
"""Recipes of many tasks, whose dry run takes many seconds."""


def test_every_file_is_a_recipe_and_every_recipe_a_file() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_where_it_comes_from(name: str, registry: Registry) -> None:
    text = recipe_text(registry, name)
    comments = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
    ours = {"best": "our best", "fast": "our fastest"}.get(name.rpartition("-")[2])
    expected = ("Ours",) if ours else ("From", "The same as", "Mended")
    assert any(word in comments for word in expected)
    summary = registry.find("recipe", name).component.summary
    assert summary.endswith(ours or "as the original")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in NAMES]
)
def test_a_recipe_passes_a_dry_run_from_the_command_line(
    name: str, data: Path, mtl: Callable[..., Any]
) -> None:
    result = mtl("compose", "--recipe", name, "--data-dir", str(data), "--dry-run", "--json")
    assert result.status == 0, result.err
    plan = json.loads(result.out)
    assert plan["recipe"]["dataset"]["data_dir"] == str(data)


@pytest.mark.parametrize("flags", [(), ("--dataset", "digits")], ids=["recipe", "flag"])
def test_the_data_folder_follows_the_data_set_whatever_the_order(
    flags: tuple[str, ...], data: Path, mtl: Callable[..., Any]
) -> None:
    swapped = ["--data-dir", str(data), "--recipe", "mnist-even-third", *flags]
    result = mtl("compose", *swapped, "--dry-run", "--json")
    assert result.status == (2 if flags else 0)
    assert ("does not take it" in result.err) is bool(flags)


@pytest.mark.parametrize(
    ("name", "tasks", "count"),
    [
        ("mnist-even-third", (), 52_386),
        ("mnist-even-third-cross-stitch", (), 104_714),
        ("mnist-even-third-single", (), 2 * 52_353),
        ("mnist-even-third-single", ("even",), 52_353),
        ("mnist-even-third-single", ("third",), 52_353),
        ("mnist-even-third-mlp-best", (), 52_386),
        ("mnist-even-third-cross-stitch-best", (), 104_714),
        ("mnist-even-third-single-best", (), 2 * 52_353),
        ("cifar10-class-animal", (), 7_507_787),
        ("cifar10-class-animal-cross-stitch", (), 15_004_307),
        ("cifar10-class-animal-single", ("class",), 7_506_762),
        ("cifar10-class-animal-single", ("animal",), 7_497_537),
        ("shapes-class-count", (), 12_905_933),
        ("mnist-random-sum", (), 71_573),
    ],
)
def test_parameters_are_those_of_the_originals(
    name: str, tasks: tuple[str, ...], count: int, composed: Compose
) -> None:
    assert composed(name, *tasks).parameters()["total"] == count


@pytest.mark.parametrize("name", ["nyuv2", "cityscapes"])
def test_a_network_for_every_pixel_is_not_larger_than_the_literatures(name: str, composed: Compose) -> None:
    with torch.device("meta"):  # it need not hold numbers to be counted
        assert composed(name).parameters()["total"] < 25_000_000  # SegNet


@pytest.mark.parametrize("latent", [2, 10])
def test_autoencoders_have_the_layers_of_the_original(latent: int, composed: Compose) -> None:
    sizes = [784, 500, 500, latent, 500, 500, 784]
    count = sum((before + 1) * after for before, after in pairwise(sizes))
    suffix = "" if latent == 10 else "-2"
    for kind in ("autoencoder", "denoising-autoencoder"):
        made = composed(f"mnist-{kind}{suffix}")
        assert made.parameters()["total"] == count


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mnist-random-sum", ()),
        ("cifar10-class-rotation", ("encoder={name: lenet}",)),
        ("shapes-class-count", ("dataset.test_size=10", "encoder.channels=[2]", "encoder.features=8")),
        ("shapes-class-count-best", ("dataset.test_size=10", "encoder.widths=[2,2]", "encoder.depth=1")),
        ("cifar10-class-animal-best", ("encoder.widths=[2,2]",)),
        ("cifar10-class-animal-fast", ("encoder.widths=[2,2]",)),
        ("mnist-denoise-classify-best", ("tasks.denoise.head.width=2",)),
        ("mnist-even-third-cross-stitch-best", ()),
        ("mnist-denoising-autoencoder-2-best", ("encoder.hidden=[8]", "tasks.autoencode.head.hidden=[8]")),
    ],
)
def test_a_recipe_runs_on_data_in_the_published_format(
    name: str, settings: tuple[str, ...], data: Path, mtl: Callable[..., Any]
) -> None:
    flags = [word for setting in (*settings, "train.validation=0.5") for word in ("--set", setting)]
    result = mtl(
        "compose", "--recipe", name, "--data-dir", str(data), "--epochs", "1", "--device", "cpu",
        "--out", "run", "--json", *flags,
    )  # fmt: skip
    assert result.status == 0, result.err
    assert Path("run/report.html").is_file()
    assert json.loads(Path("run/verify.json").read_text())["worst"]["difference"] < 1e-4


def test_data_other_than_published_are_told(data: Path, mtl: Callable[..., Any]) -> None:
    result = mtl(
        "compose", "--recipe", "mnist-random-sum", "--data-dir", str(data), "--epochs", "1",
        "--device", "cpu", "--out", "run", "--set", "train.validation=0.5",
    )  # fmt: skip
    assert result.status == 0
    (line,) = [line for line in result.err.splitlines() if "the train split has" in line]
    assert line.startswith("warning: ")
    assert "as published it has 60000" in line
