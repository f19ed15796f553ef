"""The smallest runs that have everything: what rows train, kill, damage and compare."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .children import Child, Done

SETTINGS = (
    *("dataset.train_size=40", "dataset.test_size=16", "train.batch_size=16"),
    "encoder={name: mlp, hidden: [8]}",
)
"""A training of a moment, with three steps in an epoch."""


def flags(epochs: int = 2, *, seed: int = 1, task: str = "shape-count") -> list[str]:
    """Return the flags of a tiny training."""
    named = ["--dataset", "shapes-synthetic", "--tasks", task, "--epochs", str(epochs), "--seed", str(seed)]
    return [*named, *(word for setting in SETTINGS for word in ("--set", setting))]


def composed(path: Path, *more: object, epochs: int = 2) -> Path:
    """Train a tiny model and return its folder; it is made once and stays undisturbed."""
    if not path.exists():
        done = Child().mtl("compose", *flags(epochs), *more, "--out", path)
        assert done.status == 0, done.output
    return path


def quick(
    kind: str,
    path: Path,
    *,
    epochs: int = 3,
    tasks: Sequence[str] = ("shape-count",),
    seed: int = 1,
    force: bool = False,
    progress: Any = None,
    more: Sequence[str] = (),
) -> Callable[[], int]:
    """Return a job that runs or resumes a tiny training without exporting it: a second, not ten."""

    def job() -> int:
        import torch

        from mtl.core.base.errors import MtlError
        from mtl.core.base.progress import Progress
        from mtl.core.discovery.registry import discover
        from mtl.core.folders.run_folder import open_run
        from mtl.core.recipe.recipe_reader import read
        from mtl.core.recipe.recipe_source import read_recipe
        from mtl.core.recipe.request import Request
        from mtl.core.running.pipeline import Pipeline

        registry = discover(())
        pipeline = Pipeline(registry, torch.device("cpu"), progress=progress or Progress(), publishes=False)
        try:
            if kind == "run":
                given = {"dataset": "shapes-synthetic", "epochs": epochs, "seed": seed}
                request = Request(None, list(tasks), given, [*SETTINGS, *more])
                pipeline.run(read(request.source(registry), registry), path, force=force)
            else:
                folder = open_run(path)
                pipeline.resume(folder, read(read_recipe(folder.path / "recipe.yaml"), registry))
        except MtlError as error:
            print(f"error: {error}")
            return error.status
        except KeyboardInterrupt:
            return 130
        return 0

    return job


def resumed(path: Path, job: Callable[[], Done]) -> Done | None:
    """Resume a killed run; None when it was killed before its first checkpoint, and says so."""
    done = job()
    if done.status == 2 and not (path / "checkpoint" / "manifest.json").exists():
        return None
    return done


def result(path: Path) -> dict[str, str]:
    """Return the sum of everything in a run's folder that must not depend on how it came about."""
    found = {
        str(file.relative_to(path)): digest(file.read_bytes())
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.suffix in (".safetensors", ".onnx", ".npz", ".png")
    }
    found["metrics.json"] = measured(path / "metrics.json")
    with (path / "history.csv").open(newline="") as stream:
        rows = [{key: row[key] for key in row if key != "seconds"} for row in csv.DictReader(stream)]
    found["history.csv"] = digest(json.dumps(rows).encode())
    return found


def measured(path: Path) -> str:
    """Return the sum of a JSON file of measurements, without how long they took."""
    return digest(json.dumps(_timeless(json.loads(path.read_text())), sort_keys=True).encode())


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key != "seconds"}
    return value


def left_behind(path: Path) -> list[str]:
    """Return unfinished files that nobody will ever finish."""
    return [str(file.relative_to(path)) for file in path.rglob("*.partial")]


def difference(wanted: dict[str, str], found: dict[str, str]) -> str:
    """Return the names in which two results differ, or an empty text."""
    return ", ".join(name for name in sorted(wanted | found) if wanted.get(name) != found.get(name))


def digest(content: bytes) -> str:
    """Return a sum of bytes."""
    return hashlib.sha256(content).hexdigest()[:16]
