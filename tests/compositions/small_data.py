"""Data sets of a few dozen small pictures, in the formats that people bring."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

TRAIN, TEST = 30, 12
GRADED = {"grade": {"type": "ordinal", "classes": ["poor", "fair", "good"]}}


def write_small_data(folder: Path) -> dict[str, dict[str, Any]]:
    """Write one small data set per format; return by name what a recipe's `dataset` section says of it."""
    _write_image_folder(folder / "folder")
    _write_idx(folder / "mnist" / "MNIST" / "raw")
    _write_idx(folder / "mnist" / "FashionMNIST" / "raw")
    _write_shapes(folder / "shapes")
    _write_table(folder / "table")
    _write_coco(folder / "coco")
    _write_masks(folder / "masks")
    return {
        "digits": {"test_fraction": 0.9},
        "shapes-synthetic": {"train_size": TRAIN, "test_size": TEST},
        "scenes": {"train_size": TRAIN, "test_size": TEST, "size": 16},
        "mask-folders": {"data_dir": str(folder / "masks"), "size": 16},
        "image-folder": {"data_dir": str(folder / "folder")},
        "mnist": {"data_dir": str(folder / "mnist")},
        "fashion-mnist": {"data_dir": str(folder / "mnist")},
        "multi-mnist": {"data_dir": str(folder / "mnist"), "right": "fashion-mnist"},
        "shapes": {"data_dir": str(folder / "shapes"), "test_size": TEST},
        "coco": {"file": str(folder / "coco" / "coco.json"), "size": 16},
        "table": {"file": str(folder / "table" / "photos.csv"), "size": 16, "channels": 3, "columns": GRADED},
    }


def _pixels(seed: int, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def _write_image_folder(folder: Path) -> None:
    for split, count in (("train", TRAIN // 3), ("test", TEST // 3)):
        for number, name in enumerate(("cat", "dog 2", "émeu")):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                picture = _pixels(1000 * number + index, 20, 16, 3)
                Image.fromarray(picture).save(folder / split / name / f"{index}.png")


def _write_masks(folder: Path) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(TRAIN + TEST):
        Image.fromarray(_pixels(index, 16, 16, 3)).save(folder / "images" / f"{index}.png")
        Image.fromarray(_pixels(index, 16, 16) % 3).save(folder / "masks" / f"{index}.png")


def _write_idx(folder: Path) -> None:
    folder.mkdir(parents=True)
    for prefix, count in (("train", TRAIN), ("t10k", TEST)):
        labels = np.arange(count, dtype=np.uint8) % 10
        for kind, values in (("images-idx3", _pixels(count, count, 28, 28)), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(head + values.tobytes())


def _write_shapes(folder: Path) -> None:
    folder.mkdir(parents=True)
    lines = ["name,squares,circles,up,right,down,left"]
    random = np.random.default_rng(0)
    for index in range(TRAIN + TEST):
        row = [0] * 6
        first, second = random.choice(6, 2, replace=False)
        row[first] = int(random.integers(1, 10))
        row[second] = 10 - row[first]
        name = f"img_{index:05d}.png"
        Image.fromarray(_pixels(index, 28, 28)).convert("RGBA").save(folder / name)
        lines.append(f"{name},{','.join(map(str, row))}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def _write_table(folder: Path) -> None:
    """Write pictures of two sizes with a label of every type; every fifth label is missing."""
    folder.mkdir(parents=True)
    lines = ["file,kind,alive,weight,marks,grade,patient"]
    for index in range(TRAIN + TEST):
        Image.fromarray(_pixels(index, 16, 16 + index % 2, 3)).save(folder / f"{index}.png")
        marks = ("round;red", "red", ";", "round")[index % 4]
        grade = ("poor", "fair", "good")[index % 3]
        alive = ("yes", "no")[index % 2]
        labels = [("cat", "dog", "tree")[index % 3], alive, f"{index / 4}", marks, grade]
        shown = ["" if (index + place) % 5 == 0 else label for place, label in enumerate(labels)]
        lines.append(f"{index}.png,{','.join(shown)},p{index // 2}")
    (folder / "photos.csv").write_text("\n".join(lines) + "\n")


def _write_coco(folder: Path) -> None:
    """Write pictures with a category and two points, one of which every third picture lacks."""
    folder.mkdir(parents=True)
    images, objects = [], []
    for index in range(TRAIN + TEST):
        Image.fromarray(_pixels(index, 16, 16, 3)).save(folder / f"{index}.png")
        images.append({"id": index, "file_name": f"{index}.png", "width": 16, "height": 16})
        points = [index % 16, 4, 2, 8, index % 16, int(index % 3 > 0)]
        objects.append({"image_id": index, "category_id": index % 2, "keypoints": points})
    names = ["left end", "right end"]
    kinds = [{"id": number, "name": name, "keypoints": names} for number, name in enumerate(("cat", "dog"))]
    content = {"images": images, "annotations": objects, "categories": kinds}
    (folder / "coco.json").write_text(json.dumps(content))


def groups_of(dataset: str) -> Mapping[str, list[str]]:
    """Return groups of a data set's classes, which the task `label-group` needs."""
    if dataset == "image-folder":
        return {"pets": ["cat", "dog 2"]}
    if dataset == "table":
        return {"animal": ["cat", "dog"]}
    if dataset == "fashion-mnist":
        return {"shoes": ["Sandal", "Sneaker"]}
    return {"round": ["0", "6", "8", "9"]}
