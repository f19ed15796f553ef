"""Masks and maps lie in the mapped file as pictures do, and are the same as in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mtl.core.contracts import Dataset
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.plugins.datasets.mask_folders import MaskFolders
from mtl.plugins.datasets.mix import Mix
from mtl.plugins.datasets.scenes import Scenes
from mtl.plugins.datasets.table import PictureTable

from .table_samples import write_pictures, write_table

COUNT, SIDE = 20, 8


def write_planes(folder: Path) -> None:
    for kind in ("masks", "depths"):
        (folder / kind).mkdir(parents=True)
        for number in range(COUNT):
            random = np.random.default_rng(number)
            plane = random.integers(3, size=(SIDE, SIDE), dtype=np.uint8)
            if kind == "depths":
                plane = random.integers(0, 9000, size=(SIDE, SIDE)).astype(np.uint16)
            Image.fromarray(plane).save(folder / kind / f"{number}.png")


def scenes() -> Scenes:
    return Scenes(train_size=60, test_size=51, size=16)


def table(folder: Path) -> PictureTable:
    write_pictures(folder / "photos", COUNT, SIDE)
    write_planes(folder)
    rows = [f"photos/{n}.png,{f'masks/{n}.png' if n else ''},depths/{n}.png,{n % 2}" for n in range(COUNT)]
    return PictureTable(file=write_table(folder / "t.csv", "photo,mask,depth,odd", rows))


def mask_folders(folder: Path) -> MaskFolders:
    write_pictures(folder / "images", COUNT, SIDE)
    write_planes(folder)
    return MaskFolders(data_dir=folder)


def mix(folder: Path) -> Mix:
    return Mix(sources={"drawn": scenes(), "own": table(folder)})  # type: ignore[dict-item]


KINDS: dict[str, tuple[Callable[[Path], Dataset], set[str]]] = {
    "scenes": (lambda folder: scenes(), {"segmentation", "depth", "normals", "edges"}),
    "table": (table, {"mask", "depth"}),
    "mask-folders": (mask_folders, {"masks", "depths"}),
    "mix": (mix, {"segmentation", "drawn.depth", "normals", "edges", "mask", "own.depth"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_maps_are_the_same_in_a_file_and_in_memory(kind: str, tmp_path: Path) -> None:
    make, names = KINDS[kind]
    dataset = make(tmp_path)
    plain = dataset.load()
    resident, mapped = (
        load_splits(dataset, validation=0.2, split_seed=0, memory=memory)  # type: ignore[arg-type]
        for memory in ("resident", "mapped")
    )
    for split in ("train", "validation", "test"):
        one, other = resident.named(split), mapped.named(split)
        assert other.pages is not None
        assert set(one.maps) == set(other.maps) == names
        assert not names & set(other.labels)
        indices = torch.randperm(len(one))
        found, again = one.batch(indices), other.batch(indices)
        assert torch.equal(found.image, again.image)
        assert set(found.labels) == set(again.labels) == set(plain["test"].labels)
        for name, column in found.labels.items():
            assert column.numpy().tobytes() == again.labels[name].numpy().tobytes()
    for name, column in plain["test"].labels.items():
        ours = mapped.test.column(name, torch.arange(len(mapped.test))).numpy()
        assert ours.dtype == column.dtype
        assert ours.tobytes() == column.tobytes()


def test_losses_on_maps_are_the_same_in_a_file_and_in_memory(registry: Registry, tmp_path: Path) -> None:
    rows = []
    for memory in ("resident", "mapped"):
        tree = {
            "dataset": {"name": "scenes", "train_size": 40, "test_size": 10, "size": 16},
            "tasks": {"segmentation": {"task": "segment", "label": "segmentation"}},
            "encoder": {"name": "small-resnet"},
            "train": {"epochs": 1, "memory": memory},
        }
        pipeline = Pipeline(registry, torch.device("cpu"), publishes=False)
        outcome = pipeline.run(read(RecipeSource(tree), registry), tmp_path / memory)
        assert outcome.splits.mapped is (memory == "mapped")
        rows.append([{**row, "seconds": 0} for row in outcome.folder.read_history()])
    assert rows[0] == rows[1]


def test_what_a_mixture_is_made_of_is_not_left_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTL_CACHE_DIR", str(tmp_path / "cache"))
    dataset = mix(tmp_path)
    splits = load_splits(dataset, validation=0.2, split_seed=0, choice={"name": "mix"}, memory="mapped")
    (kept,) = (tmp_path / "cache").rglob("*.*")
    assert kept.suffix == ".data"
    # Each column of each part begins at a page.
    assert kept.stat().st_size < splits.size + 40 * (1 << 14)
