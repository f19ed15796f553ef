"""The folder everything of one training is left in.

`recipe.yaml`, `environment.json`, `history.csv`, `checkpoint/`, `metrics.json`, `sharing.json` where the
scheme learned something about sharing, the export with its `verify.json`, and `report.html`; each file is
written atomically, and the folder is readable at any time.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from .errors import UsageError
from .files import write_json, write_text, writing_to
from .plugin_loading import Provider
from .recipe_source import write_yaml
from .seed_list import SEEDS, refuse_several
from .training.checkpoint import CheckpointFolder

_VERSIONS = ("mtl-composer", "torch", "torchvision", "onnx", "onnxruntime", "numpy", "torchmetrics")


class RunFolder:
    """A run's folder; `create` makes a new one, `open_run` opens a finished or interrupted one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = CheckpointFolder(path / "checkpoint")

    @classmethod
    def create(cls, path: Path, *, force: bool = False) -> RunFolder:
        """Make a new folder; raise `UsageError` when it exists and `force` is not given.

        With `force` the old folder is moved aside and deleted only when the new run is complete.
        """
        cls.refuse_existing(path, force=force)
        folder = cls(path)
        with writing_to(path):
            if path.exists() and folder.replaced.exists():
                # What stands there replaced a run and never finished; that run is the one to keep.
                shutil.rmtree(path)
            elif path.exists():
                path.rename(folder.replaced)
            path.mkdir(parents=True)
        return folder

    @staticmethod
    def refuse_existing(path: Path, *, force: bool) -> None:
        """Raise `UsageError` when `create` would."""
        try:
            if path.is_symlink():
                raise UsageError(
                    f"{path} is a link", hint="name the folder itself, or another one, with --out"
                )
            if not path.exists():
                return
        except OSError as error:
            raise UsageError(f"{path} cannot be a run folder: {error.strerror}") from None
        if not force:
            hint = "choose another folder with --out, or replace it with --force"
            raise UsageError(f"{path} exists already", hint=hint)
        if not ((path / "recipe.yaml").is_file() or (path / SEEDS).is_file()):
            hint = "choose another folder with --out"
            raise UsageError(f"{path} is no run folder, and --force replaces runs only", hint=hint)

    @property
    def replaced(self) -> Path:
        """Where a run that this one replaces is kept until this one is complete."""
        here = self.path.absolute()
        return here.with_name(f".{here.name}.replaced")

    def finish(self) -> None:
        """Delete the run that this one replaces."""
        if self.replaced.exists():
            shutil.rmtree(self.replaced)

    def write_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Write the resolved recipe, re-runnable with `mtl compose --recipe`."""
        write_text(self.path / "recipe.yaml", write_yaml(recipe))

    def write_environment(self, providers: Sequence[Provider], device: str, seed: int) -> None:
        """Write versions, plugins, machine, device, seed and the git commit."""
        write_json(
            self.path / "environment.json",
            {
                "python": sys.version.split()[0],
                "platform": platform.platform(),
                "device": device,
                "seed": seed,
                "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
                "versions": versions(),
                "plugins": [
                    {
                        "name": provider.name,
                        "distribution": provider.distribution,
                        "version": provider.version,
                        "broken": provider.reason,
                    }
                    for provider in providers
                ],
                "git": _git_commit(),
            },
        )

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write one line per epoch."""
        stream = io.StringIO()
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "history.csv", stream.getvalue())

    def read_history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`; empty when there is none."""
        path = self.path / "history.csv"
        if not path.is_file():
            return []
        with path.open(newline="") as stream:
            return [
                {key: int(value) if key == "epoch" else float(value) for key, value in row.items()}
                for row in csv.DictReader(stream)
            ]

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the content of a JSON file of the run; raise `UsageError` when it is missing or damaged."""
        try:
            value: dict[str, Any] = json.loads((self.path / name).read_text())
        except FileNotFoundError:
            raise UsageError(f"{self.path / name} is missing: the run is not complete") from None
        except ValueError as error:
            raise UsageError(f"{self.path / name} is damaged: {error}") from None
        return value


def open_run(path: Path) -> RunFolder:
    """Return an existing run's folder, also when given a file in it; raise `UsageError` when it is none."""
    folder = path.parent if path.is_file() else path
    refuse_several(folder)
    if not (folder / "recipe.yaml").is_file():
        reason = "has no recipe.yaml" if folder.is_dir() else "does not exist"
        raise UsageError(f"{path} is no run folder: it {reason}", hint="runs are made by mtl compose")
    return RunFolder(folder)


def next_free(folder: Path, name: str) -> Path:
    """Return `folder/name-001`, or the first number that is free."""
    number = 1
    while (folder / f"{name}-{number:03d}").exists():
        number += 1
    return folder / f"{name}-{number:03d}"


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
