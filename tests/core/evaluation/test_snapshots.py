"""A few answers of image tasks are kept by epoch, and shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import mtl
from mtl.core.base.errors import UsageError
from mtl.core.composition.composer import compose
from mtl.core.data.samples import Samples
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.snapshots import keep_snapshot, read_snapshots, show
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

QUICK = {"train.validation": 0.95, "train.epochs": 2}


def test_image_tasks_leave_snapshots_that_the_report_shows(tmp_path: Path) -> None:
    run = mtl.compose({"denoise": {}, "classify": {}}, set=QUICK, out=tmp_path / "run", device="cpu")
    kept = read_snapshots(run.path, up_to=2)
    assert list(kept) == [1, 2]
    assert list(kept[1]) == ["denoise"]
    assert kept[1]["denoise"].shape == (6, 1, 28, 28)
    assert kept[1]["denoise"].dtype == torch.uint8
    assert not torch.equal(kept[1]["denoise"], kept[2]["denoise"])
    page = (run.path / "report.html").read_text()
    assert "6 validation samples of denoise, epoch by epoch" in page
    assert re.search(r"epoch 1, loss 0\.\d+", page)
    shown = show(run.composition, run.splits.validation)
    torch.testing.assert_close(shown["denoise"].clean, run.splits.validation.image[:6] / 255)


def test_other_tasks_leave_none(tmp_path: Path, registry: Registry) -> None:
    made = compose(read(RecipeSource({"tasks": ["classify"]}), registry), registry)
    keep_snapshot(tmp_path, made, Samples(torch.zeros(3, 1, 28, 28, dtype=torch.uint8), {}), 1)
    assert list(tmp_path.iterdir()) == []


def test_epochs_after_the_last_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    assert read_snapshots(tmp_path, up_to=5) == {}


def test_a_narrow_layer_is_drawn_as_a_plane(tmp_path: Path) -> None:
    task = {"task": "autoencode", "latent": 2}
    run = mtl.compose(
        {"again": task}, encoder={"name": "mlp", "hidden": [8]}, set=QUICK, out=tmp_path / "run", device="cpu"
    )
    page = (run.path / "report.html").read_text()
    assert "again: the 2 values that all of the image passes through" in page


@pytest.mark.parametrize("content", [b"", b"\xff" * 40])
def test_a_damaged_snapshot_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "epoch-00001.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match=r"epoch-00001\.safetensors: cannot be read as a snapshot") as caught:
        read_snapshots(tmp_path, up_to=1)
    assert caught.value.hint == "remove it: the report is made without it"
