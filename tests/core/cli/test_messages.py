"""Bad input gets one clear line, a hint and the right status, and leaves nothing behind.

The expected texts are the files in `golden/`; after a deliberate change run with `MTL_GOLDEN=write` and
read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"

RECIPES = {
    "wrong.yaml": (
        "tasks:\n  even: {task: multiple-of, off: 2}\n  third: {task: multipleof}\n"
        "train: {epochs: five}\nencodr: lenet\n"
    ),
    "truncated.yaml": "tasks: [classify",
    "empty.yaml": "",
    "twice.yaml": "tasks: [classify]\nseed: 1\nseed: 2\n",
    "tabs.yaml": "tasks:\n\t- classify\n",
}

COMPOSE = ["compose", "--tasks"]
NO_DOWNLOAD = ["--set", "dataset.download=false"]
LABELS = "name,squares,circles,up,right,down,left\n"
DATA: dict[str, bytes] = {
    "part.zip": b"PK\x03\x04 and nothing more",
    "half/MNIST/raw/train-images-idx3-ubyte": bytes((0, 0, 8, 3)) + bytes(11),
    **{
        f"half/MNIST/raw/{name}-ubyte": b""
        for name in ("train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    },
    "columns/labels.csv": b"name,squares,up,right,left\n",
    "images/labels.csv": f"{LABELS}img_0.png,5,5,0,0,0,0\nimg_1.png,4,6,0,0,0,0\n".encode(),
    "photos/train/cat/1.png": b"not read",
    "photos/train/dog/.keep": b"",
    "photos/test/cat/1.png": b"not read",
    "photos/test/dog/1.png": b"not read",
    "pickles/cifar-10-batches-py/data_batch_1": b"",
    "value/labels.csv": f"{LABELS}img_0.png,5,five,0,0,0,0\n".encode(),
    "nothing/labels.csv": b"",
    "sides/train/cat/1.png": b"not read",
    "sides/train/dog/1.png": b"not read",
    "sides/test/cat/1.png": b"not read",
    "broken/train/cat/1.png": b"\x89PNG\r\n\x1a\n and nothing more",
    "broken/train/dog/1.png": b"not read",
    "broken/test/cat/1.png": b"not read",
    "broken/test/dog/1.png": b"not read",
    "photos.csv": b"file,colour\n1.png,red\n2.png,blue\n3.png,red\n4.png,blue\n",
    "plugin-index/index.json": b'{"format": 9}',
    "photos.xlsx": b"PK\x03\x04 and nothing more",
}
"""Data sets with something wrong, by path."""
CASES: dict[str, tuple[int, list[str]]] = {
    "unknown-task": (2, [*COMPOSE, "clasify"]),
    "mistakes-of-several-parts": (
        2,
        [
            *("compose", "--dataset", "shapes-synthetic", "--encoder", "late-fusion", "--epochs", "1"),
            *("--set", "tasks.where={task: segment, label: counts}"),
            *("--set", "tasks.what={task: classify, label: colour}"),
            *("--set", "train.warm_up=9", "--dry-run"),
        ],
    ),
    "mistakes-of-several-tasks": (
        2,
        [
            *("compose", "--dataset", "shapes-synthetic", "--encoder", "mlp"),
            *("--set", "tasks.one={task: shape-count, head: decoder, metrics: [accuracy]}"),
            *("--set", "tasks.two={task: shape-class, loss: mse}", "--dry-run"),
        ],
    ),
    "unknown-encoder": (2, [*COMPOSE, "classify", "--encoder", "lenett"]),
    "unknown-dataset": (2, [*COMPOSE, "classify", "--dataset", "digit"]),
    "plugin-after-the-command": (2, ["compose", "--plugin", "x.py"]),
    "pull-bad-name": (2, ["pull", "a/b/c"]),
    "card-of-no-run": (2, ["card", "nowhere"]),
    "push-of-no-run": (2, ["push", "nowhere", "me/x"]),
    "plugins-install-an-address": (2, ["plugins", "install", "git+https://example.org/x"]),
    "plugins-install-an-option": (2, ["plugins", "install", "--", "-r"]),
    "plugins-install-mtl": (2, ["plugins", "install", "mtl_composer==9.0"]),
    "plugins-install-no-wheel": (2, ["plugins", "install", "gone-1.0-py3-none-any.whl", "--yes"]),
    "plugins-remove-mtl": (2, ["plugins", "remove", "mtl-composer", "--yes"]),
    "plugins-remove-no-plugin": (2, ["plugins", "remove", "numpy", "--yes"]),
    "plugins-index-damaged": (2, ["plugins", "index", "--out", "plugin-index", "photos"]),
    "plugins-index-nothing": (2, ["plugins", "index", "--out", "x"]),
    "open-of-no-run": (2, ["open", "nowhere"]),
    "unknown-tracker": (2, [*COMPOSE, "classify", "--tracker", "tensorbord"]),
    "tracker-option": (
        2,
        [*COMPOSE, "classify", "--set", "trackers=[{name: jsonl, picture: false}, {nam: mlflow}]"],
    ),
    "tracker-without-package": (
        5,
        [*COMPOSE, "classify", "--set", "trackers=[{name: wandb, library: trackio}]", "--epochs", "1"],
    ),
    "unknown-sharing": (2, [*COMPOSE, "classify", "--sharing", "hart"]),
    "unknown-balancer": (2, [*COMPOSE, "classify", "--balancer", "some"]),
    "unknown-optimizer": (
        2,
        [*COMPOSE, "classify", "--set", "train.optimizer=adm", "--set", "train.schedule=cosin"],
    ),
    "groups-and-schedule": (
        2,
        [
            *(*COMPOSE, "classify", "--epochs", "2", "--set", "train.milestones=[3]"),
            *("--set", "train.schedule=steps", "--set", "train.groups=[{match: '*.bis'}]"),
        ],
    ),
    "everything-frozen": (
        2,
        [*COMPOSE, "classify", "--set", "train.groups=[{match: '*', frozen: true}]"],
    ),
    "no-tasks": (2, ["compose"]),
    "gradients-of-nothing": (2, [*COMPOSE, "classify,parity", "--balancer", "mgda", "--sharing", "none"]),
    "features-compiled": (
        2,
        [
            *COMPOSE,
            "classify,parity",
            "--balancer",
            "mgda",
            "--balance-on",
            "features",
            "--set",
            "train.compile=true",
        ],
    ),
    "features-not-common": (
        2,
        [
            *COMPOSE,
            "classify,parity",
            "--balancer",
            "mgda",
            "--balance-on",
            "features",
            "--sharing",
            "cross-stitch",
        ],
    ),
    "features-of-losses": (2, [*COMPOSE, "classify,parity", "--balancer", "dwa", "--balance-on", "features"]),
    "balance-on-what": (2, [*COMPOSE, "classify,parity", "--balancer", "mgda", "--balance-on", "heads"]),
    "empty-tasks": (2, [*COMPOSE, ""]),
    "same-task-twice": (2, [*COMPOSE, "classify,classify"]),
    "unknown-option": (2, [*COMPOSE, "classify", "--set", "encoder.hidden=3"]),
    "misspelled-option": (2, [*COMPOSE, "classify", "--encoder", "mlp", "--set", "encoder.hiden=[3]"]),
    "mistyped-option": (2, [*COMPOSE, "classify", "--encoder", "mlp", "--set", "encoder.hidden=x"]),
    "out-of-range": (2, [*COMPOSE, "classify", "--set", "train.epochs=0", "--set", "train.batch-size=big"]),
    "no-assignment": (2, [*COMPOSE, "classify", "--set", "train.epochs"]),
    "unknown-section": (2, [*COMPOSE, "classify", "--set", "trian.epochs=3"]),
    "no-labels": (2, [*COMPOSE, "shape-count"]),
    "encoder-does-not-fit": (2, [*COMPOSE, "classify", "--encoder", "two-input-cnn"]),
    "head-does-not-fit": (2, [*COMPOSE, "classify", "--set", "tasks.classify.head=decoder"]),
    "loss-does-not-fit": (2, [*COMPOSE, "classify", "--set", "tasks.classify.loss=mse"]),
    "metric-does-not-fit": (2, [*COMPOSE, "classify", "--set", "tasks.classify.metrics=[psnr]"]),
    "input-is-not-read": (2, [*COMPOSE, "random-sum", "--set", "tasks.random-sum.head=linear"]),
    "sharing-needs-two": (2, [*COMPOSE, "classify", "--sharing", "cross-stitch"]),
    "normalization-channels": (
        2,
        [*COMPOSE, "classify", "--set", "normalization={mean: [0, 0], std: [1, 1]}"],
    ),
    "unknown-recipe": (2, ["compose", "--recipe", "nothing"]),
    "wrong-recipe": (2, ["compose", "--recipe", "wrong.yaml"]),
    "truncated-recipe": (2, ["compose", "--recipe", "truncated.yaml"]),
    "empty-recipe": (2, ["compose", "--recipe", "empty.yaml"]),
    "key-twice": (2, ["compose", "--recipe", "twice.yaml"]),
    "tabs": (2, ["compose", "--recipe", "tabs.yaml"]),
    "data-dir-not-taken": (2, [*COMPOSE, "classify", "--data-dir", "data"]),
    "no-data": (
        5,
        [*COMPOSE, "classify", "--dataset", "mnist", "--data-dir", "data", "--set", "dataset.download=false"],
    ),
    "no-shapes": (5, [*COMPOSE, "shape-count", "--dataset", "shapes", "--data-dir", "data"]),
    "no-folder": (5, [*COMPOSE, "classify", "--dataset", "image-folder", "--data-dir", "data"]),
    "shapes-zip-damaged": (2, ["compose", "--recipe", "shapes-class", "--data-dir", "part.zip"]),
    "shapes-columns-missing": (2, ["compose", "--recipe", "shapes-class", "--data-dir", "columns"]),
    "shapes-images-missing": (
        2,
        ["compose", "--recipe", "shapes-class", "--data-dir", "images", "--set", "dataset.test_size=1"],
    ),
    "shapes-value-wrong": (2, ["compose", "--recipe", "shapes-class", "--data-dir", "value"]),
    "shapes-nothing": (2, ["compose", "--recipe", "shapes-class", "--data-dir", "nothing"]),
    "data-dir-misspelled": (5, ["compose", "--recipe", "mnist-denoise", "--data-dir", "dtaa"]),
    "class-folder-missing": (
        2,
        [
            *COMPOSE,
            "classify",
            "--dataset",
            "image-folder",
            "--data-dir",
            "sides",
            "--set",
            "dataset.size=28",
        ],
    ),
    "image-damaged": (
        2,
        [
            *COMPOSE,
            "classify",
            "--dataset",
            "image-folder",
            "--data-dir",
            "broken",
            "--set",
            "dataset.size=28",
        ],
    ),
    "cifar10-one-class-missing": (2, ["compose", "--recipe", "cifar10-class-animal", "--data-dir", "sides"]),
    "mnist-damaged": (2, ["compose", "--recipe", "mnist-even-third", "--data-dir", "half"]),
    "class-folder-empty": (
        2,
        [
            "compose",
            "--tasks",
            "classify",
            "--dataset",
            "image-folder",
            "--data-dir",
            "photos",
            "--set",
            "dataset.size=12",
        ],
    ),
    "cifar10-incomplete": (
        5,
        [
            "compose",
            "--recipe",
            "cifar10-class-animal",
            "--data-dir",
            "pickles",
            "--set",
            "dataset.download=false",
        ],
    ),
    "recipes-copy-exists": (2, ["recipes", "copy", "mnist-denoise", "wrong.yaml"]),
    "recipes-show-unknown": (2, ["recipes", "show", "mnist-denoize"]),
    "unknown-device": (2, [*COMPOSE, "classify", "--device", "gpu"]),
    "data-missing": (2, ["compose", "--data", "gone.csv"]),
    "data-no-pictures": (2, ["compose", "--data", "photos.csv", "--tasks", "colour"]),
    "data-excel": (2, ["compose", "--data", "photos.xlsx"]),
    "data-class-folders": (2, ["compose", "--data", "photos"]),
    "data-column-misspelled": (
        2,
        ["compose", "--data", "photos.csv", "--set", "dataset.columns.color=class"],
    ),
    "data-column-type": (2, ["compose", "--data", "photos.csv", "--set", "dataset.columns.colour=clas"]),
    "run-exists": (2, [*COMPOSE, "classify", "--out", "."]),
    "force-no-run": (2, [*COMPOSE, "classify", "--out", ".", "--force"]),
    "unknown-command": (2, ["compos"]),
    "unknown-flag": (2, ["compose", "--task", "classify"]),
    "unknown-kind": (2, ["list", "encodr"]),
    "show-unknown": (2, ["show", "encoder", "lenett"]),
    "evaluate-nothing": (2, ["evaluate", "nowhere"]),
    "export-nothing": (2, ["export", "nowhere"]),
    "verify-nothing": (2, ["verify", "nowhere"]),
    "resume-nothing": (2, ["resume", "nowhere"]),
    "predict-nothing": (2, ["predict", "nowhere.onnx", "image.png"]),
    "serve-nothing": (2, ["serve", "nowhere.onnx", "--port", "0"]),
    "serve-same-name": (2, ["serve", "a/model.onnx", "b/a.onnx"]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_its_message(name: str, mtl: Callable[..., Any], tmp_path: Path) -> None:
    for file, text in RECIPES.items():
        (tmp_path / file).write_text(text)
    for file, content in DATA.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    before = sorted(path for path in tmp_path.rglob("*"))
    status, arguments = CASES[name]
    result = mtl(*arguments)
    shown = result.err.replace(str(tmp_path), "TMP")
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("MTL_GOLDEN") == "write":
        golden.write_text(shown)
    assert shown == golden.read_text()
    assert result.status == status
    assert result.out == ""
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_every_golden_file_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_message_is_an_error_line_with_a_hint(name: str) -> None:
    lines = (GOLDEN / f"{name}.txt").read_text().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1
    assert any(line.startswith("  hint: ") for line in lines)
