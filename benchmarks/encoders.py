"""What ImageNet weights are worth: one network, fine-tuned and from nothing, by one command each.

    python -m benchmarks.encoders --data DIR --weights FILE [--json FILE]

DIR is a folder of pictures, `train` and `test` with a folder per class, such as 5,000 of CIFAR-10's as files.
FILE holds torchvision's weights of the model. Both trainings see the same pictures in the same order for the
same epochs, and so take the same time. Without --data the table of an earlier measurement is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from .measuring import machine

RESULTS = Path(__file__).parent / "results" / "encoders.json"
MODEL = "mobilenet_v2"
SIDE = 96
ANIMALS = ["bird", "cat", "deer", "dog", "frog", "horse"]
RECIPE: Mapping[str, Any] = {
    "augmentations": ["flip"],
    "tasks": {
        "class": {"task": "classify"},
        "animal": {"task": "label-group", "groups": {"animal": ANIMALS}},
        "rotation": {},
    },
    "train": {
        "epochs": 3,
        "batch_size": 50,
        "optimizer": "adamw",
        "learning_rate": 1e-3,
        "schedule": "cosine",
    },
}
STARTS = ("ImageNet", "nothing")


def recipe(data: Path, weights: Path | None) -> dict[str, Any]:
    """Return the recipe of a training that starts from a file of weights, or from nothing."""
    dataset = {
        "name": "image-folder",
        "data_dir": str(data),
        "size": SIDE,
        "preparation": {"resize": "stretch"},
    }
    start = "none" if weights is None else str(weights)
    return {
        "dataset": dataset,
        "encoder": {"name": "torchvision", "model": MODEL, "weights": start},
        **RECIPE,
    }


def measure(data: Path, weights: Path, seed: int) -> dict[str, Any]:
    """Return what each training reached on the test pictures, and how long it took."""
    found = {
        start: _trained(recipe(data, file), seed) for start, file in zip(STARTS, (weights, None), strict=True)
    }
    pictures = {split: _count(data / split) for split in ("train", "test")}
    return {
        "machine": machine(torch.device("cpu")),
        "pictures": pictures,
        "side": SIDE,
        "model": MODEL,
        "weights": weights.name,
        "seed": seed,
        "epochs": RECIPE["train"]["epochs"],
        "starts": found,
    }


def _count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def _trained(values: Mapping[str, Any], seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        file, run = Path(place) / "recipe.yaml", Path(place) / "run"
        file.write_text(json.dumps(values))
        began = time.monotonic()
        order = [sys.executable, "-m", "mtl", "compose", "--recipe", str(file), "--out", str(run)]
        subprocess.run([*order, "--seed", str(seed), "--device", "cpu"], check=True)
        took = time.monotonic() - began
        metrics = json.loads((run / "metrics.json").read_text())
        verification = json.loads((run / "verify.json").read_text())
    return {
        "accuracy": {task: metrics["test"][task]["accuracy"] for task in RECIPE["tasks"]},
        "training_seconds": metrics["training"]["seconds"],
        "command_seconds": took,
        "verified": {"passed": verification["passed"], **verification["worst"]},
    }


def table(found: Mapping[str, Any]) -> str:
    """Return the measurement as a table in Markdown."""
    tasks = list(RECIPE["tasks"])
    rows = [
        f"| start | {' | '.join(f'{task} accuracy' for task in tasks)} | training |",
        f"|---|{'---|' * len(tasks)}---|",
    ]
    for start, reached in found["starts"].items():
        shown = " | ".join(f"{reached['accuracy'][task]:.1%}" for task in tasks)
        rows.append(f"| {start} | {shown} | {reached['training_seconds']:.0f} s |")
    first, second = (found["starts"][start]["accuracy"] for start in STARTS)
    gains = " | ".join(f"{100 * (first[task] - second[task]):+.1f} points" for task in tasks)
    rows.append(f"| difference | {gains} | |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or print what was measured before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    if given.data is not None and given.weights is not None:
        found = measure(given.data, given.weights, given.seed)
        given.json.write_text(json.dumps(found, indent=2) + "\n")
    print(table(json.loads(given.json.read_text())))


if __name__ == "__main__":
    main()
