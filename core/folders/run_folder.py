"""The folder everything of one training is left in.

`recipe.yaml`, `environment.json`, `history.csv`, `checkpoint/`, `metrics.json`, `sharing.json` where the
scheme learned something about sharing, the export with its `verify.json`, and `report.html`; each file is
written atomically, and the folder is readable at any time.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from ..base.device import accelerator, device_name
from ..base.errors import UsageError
from ..base.files import digest, refuse_link, sha256_of, sweep, write_json, write_text, writing_to
from ..base.workplace import Workplace, enter, enter_new, is_empty, replaced
from ..contracts.origin import WeightsOrigin
from ..contracts.specs import DatasetSpec, dataset_to_json
from ..discovery.plugin_discovery import version_of
from ..discovery.plugin_loading import Provider
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import read_recipe, write_yaml
from ..recipe.seed_list import SEEDS
from ..recipe.several_runs import refuse_several
from ..training.checkpoint import Checkpoint, CheckpointFolder
from ..training.history import from_json, read_csv, to_csv, to_json
from .differences import difference, without_later
from .json_files import Environment, Form, Metrics, read_form

HISTORY = "history.csv"
METRICS = "metrics.json"

_OF_A_RUN = ("recipe.yaml", "environment.json")
_MADE = "runs are made by mtl compose"
_BY_COLUMN = ("labels", "symmetries")
"""What a data set says of each label column."""

_VERSIONS = ("mtl-composer", "torch", "torchvision", "onnx", "onnxruntime", "numpy", "torchmetrics")


class RunFolder:
    """A run's folder; `create` makes a new one, `open_run` opens a finished or interrupted one."""

    def __init__(self, path: Path, workplace: Workplace | None = None) -> None:
        self.path = path
        self.workplace = workplace
        self.checkpoints = CheckpointFolder(path / "checkpoint")

    @classmethod
    def create(
        cls, path: Path, warn: Callable[[str], None], *, force: bool = False, numbered: bool = False
    ) -> RunFolder:
        """Make a new folder in which nobody else works until `leave`; `warn` is told of what hinders nothing.

        With `numbered` it is `PATH-001`, or the first number that is free. With `force` an old folder is
        moved aside, and deleted only when the new run is complete. Raises `UsageError` when it exists
        without that, or when somebody else is at work in it.
        """
        if numbered:
            workplace = enter_new(path, warn)
            return cls(workplace.path, workplace)
        cls.refuse_existing(path, force=force)
        with ExitStack() as on_error:
            workplace = on_error.enter_context(enter(path, warn, create=True))
            cls.refuse_existing(path, force=force)  # somebody may have been there first
            workplace.set_aside()
            on_error.pop_all()
        return cls(path, workplace)

    @staticmethod
    def refuse_existing(path: Path, *, force: bool) -> None:
        """Raise `UsageError` when `create` would, so far as can be seen without changing anything."""
        with writing_to(path):
            if path.is_symlink():
                raise UsageError(
                    f"{path} is a link", hint="name the folder itself, or another one, with --out"
                )
            kept = replaced(path)
            if is_empty(path):
                if kept.exists() and not force:
                    raise UsageError(
                        f"{path} was about to be replaced; the run that was there is kept in {kept}",
                        hint=f"mtl resume {path} puts it back; or choose another folder with --out",
                    )
                return
            if not force:
                hint = "choose another folder with --out, or replace it with --force"
                raise UsageError(f"{path} exists already", hint=hint)
            if not ((path / "recipe.yaml").is_file() or (path / SEEDS).is_file()):
                hint = "choose another folder with --out"
                raise UsageError(f"{path} is no run folder, and --force replaces runs only", hint=hint)

    def enter(self, warn: Callable[[str], None]) -> RunFolder:
        """Work alone in this folder until `leave`; raise `UsageError` when somebody else is at work in it.

        A run that is one of several seeds is entered with all of them.
        """
        whole = self.path.parent if (self.path.parent / SEEDS).is_file() else self.path
        self.workplace = enter(whole, warn)
        return self

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *ended: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Let others work in the folder."""
        if self.workplace is not None:
            self.workplace.leave()
            self.workplace = None

    def check(self) -> None:
        """Raise `UsageError` when the folder was taken away while it is worked in."""
        if self.workplace is not None:
            self.workplace.check()

    def complete(self) -> None:
        """Delete the run that this one replaces."""
        if self.workplace is not None and self.workplace.path == self.path:
            self.workplace.finish()

    def abandon(self) -> None:
        """Delete this run, and put back what it was to replace."""
        if self.workplace is not None:
            self.workplace.abandon()

    def tidy(self) -> list[str]:
        """Remove what killed processes left; return what could not be removed, and why."""
        refuse_link(self.path / "snapshots")
        return [*sweep(self.path), *sweep(self.path / "snapshots"), *self.checkpoints.sweep()]

    def write_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Write the resolved recipe, re-runnable with `mtl compose --recipe`."""
        write_text(self.path / "recipe.yaml", write_yaml(recipe))

    def write_environment(
        self,
        providers: Sequence[Provider],
        device: torch.device,
        seed: int,
        origins: Sequence[WeightsOrigin] = (),
        processes: int = 1,
    ) -> None:
        """Write versions, plugins, machine, device (a card with its driver), seed, git commit and weights.

        `processes` is how many train the model together.
        """
        write_json(
            self.path / "environment.json",
            {
                "python": sys.version.split()[0],
                "platform": platform.platform(),
                "device": device_name(device),
                "accelerator": accelerator(device),
                "processes": processes,
                "seed": seed,
                "command": [_readable(word) for word in (Path(sys.argv[0]).name, *sys.argv[1:])],
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
                **({"weights": [origin.to_json() for origin in origins]} if origins else {}),
            },
        )

    def read_environment(self) -> dict[str, Any]:
        """Return what `write_environment` wrote; raise `UsageError` when it is missing or damaged."""
        return self.read_json("environment.json", Environment)

    def origins(self) -> tuple[WeightsOrigin, ...]:
        """Return where the weights come from that the run began with; none where nothing says it."""
        try:
            stated = self.read_environment().get("weights", [])
        except UsageError:  # it is mended where the run goes on, and then told
            return ()
        known = [field.name for field in fields(WeightsOrigin)]
        return tuple(WeightsOrigin(*(origin.get(name, "") for name in known)) for origin in stated)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write what was measured, and its sum into the manifest of the checkpoints."""
        write_json(self.path / METRICS, metrics)
        self.checkpoints.vouch(METRICS, digest(json.loads(json.dumps(metrics))))

    def read_metrics(self) -> dict[str, Any]:
        """Return what `write_metrics` wrote; raise `UsageError` when it is missing, damaged or changed."""
        metrics = self.read_json(METRICS, Metrics)
        known = self.checkpoints.vouched(METRICS)
        if known not in (None, digest(metrics)):  # None: written by an earlier version
            raise UsageError(
                f"{self.path / METRICS} is not what the run measured: its sum differs",
                hint=f"mtl resume {self.path} measures again",
            )
        return metrics

    def keep_sum(self, file: Path) -> None:
        """Keep the sum of a file that the training leaves; of a folder none is kept."""
        if file.is_file():
            self.checkpoints.vouch(file.name, sha256_of(file))

    def left(self, file: Path) -> bool | None:
        """Return whether a file is the one that the training left; None where that is not known."""
        known = self.checkpoints.vouched(file.name)
        return sha256_of(file) == known if known is not None and file.is_file() else None

    def tell_of_another(self, file: Path, warn: Callable[[str], None]) -> None:
        """Tell `warn` of a file that was put in the place of the training's, and is about to be replaced."""
        if self.left(file) is False:
            warn(
                f"{file} was exported after the training: it is written again as the recipe says "
                "(mtl export --to FILE keeps another form)"
            )

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write one line per epoch."""
        write_text(self.path / HISTORY, to_csv(rows))

    def read_history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`; raise `UsageError` when it is missing or damaged."""
        return read_csv(self.path / HISTORY)

    def history_of(self, checkpoint: Checkpoint, warn: Callable[[str], None]) -> list[dict[str, float]]:
        """Return the rows of the epochs up to a checkpoint, which keeps them too, but for their times.

        When `history.csv` does not agree, `warn` is told, and the times are 0.
        """
        kept = checkpoint.state.get("history")
        if kept is None:  # written by an earlier version
            return [row for row in self.read_history() if row["epoch"] <= checkpoint.epoch]
        if not kept:  # in the middle of the first epoch
            return []
        lost = "it is written again from the checkpoint, without the times of its epochs"
        try:
            rows = self.read_history()[: len(kept)]
        except UsageError as error:
            warn(f"{error.message}: {lost}")
            return from_json(kept)
        if to_json(rows) != kept:
            warn(f"{self.path / HISTORY} does not agree with the checkpoint: {lost}")
            return from_json(kept)
        return rows

    def refuse_another(self, recipe: Recipe, state: Mapping[str, Any]) -> None:
        """Raise `UsageError`, saying what differs, when a checkpoint of this state had another recipe.

        Options that came later, and stand in no file, change nothing.
        """
        trained, here = state.get("recipe"), json.loads(json.dumps(recipe.portable()))
        if trained in (None, here):  # None: written by an earlier version
            return
        path = self.path / "recipe.yaml"
        # Options that components got since then say what they did before.
        here = without_later(here, trained, read_recipe(path).tree)
        if trained == here:
            return
        raise UsageError(
            f"{path} is not what the checkpoint of epoch {state['epoch']} was trained with: "
            f"{difference(trained, here)}",
            hint=f"put back what it was, or train the other: mtl compose --recipe {path} --out FOLDER",
        )

    def refuse_other_data(self, spec: DatasetSpec, state: Mapping[str, Any]) -> None:
        """Raise `UsageError`, saying what differs, when a checkpoint of this state had data of another form.

        Label columns that came later change nothing.
        """
        trained, here = state.get("data"), json.loads(json.dumps(dataset_to_json(spec)))
        if trained is None:  # written by an earlier version
            return
        known = {
            part: {key: values.get(key) for key in trained[part]} if part in _BY_COLUMN else values
            for part, values in here.items()
        }
        if known != trained:
            raise UsageError(
                f"the data are not what the checkpoint of epoch {state['epoch']} in {self.path} was trained "
                f"with: {difference(trained, known)}",
                hint="put back the classes, label columns and pictures as they were, or train again: "
                f"mtl compose --recipe {self.path / 'recipe.yaml'} --out FOLDER",
            )

    def read_json(self, name: str, form: type[Form] = Form) -> dict[str, Any]:
        """Return the content of a JSON file of the run; raise `UsageError` when it is missing or damaged."""
        path = self.path / name
        if not os.path.lexists(path):
            raise UsageError(f"{path} is missing: the run is not complete", hint=f"mtl resume {self.path}")
        hint = f"mtl resume {self.path} writes it again"
        return read_form(form, path, "a JSON file of the run", hint=hint)


def open_run(path: Path) -> RunFolder:
    """Return an existing run's folder, also when given a file in it; raise `UsageError` when it is none."""
    folder = path.parent if path.is_file() else path
    refuse_several(folder)
    if not (folder / "recipe.yaml").is_file():
        reason = "has no recipe.yaml" if folder.is_dir() else "does not exist"
        kept = replaced(folder)
        hint = f"mtl resume {folder} puts back what is kept in {kept}" if kept.exists() else _MADE
        raise UsageError(f"{path} is no run folder: it {reason}", hint=hint)
    return RunFolder(folder)


def entered_around(path: Path, warn: Callable[[str], None]) -> AbstractContextManager[object]:
    """Return a block in which nobody else works in the run that `path` lies in, if it lies in one.

    Raises `UsageError` when somebody else is at work in it.
    """
    for folder in path.absolute().parents:
        if (folder / SEEDS).is_file() or all((folder / name).is_file() for name in _OF_A_RUN):
            return RunFolder(folder).enter(warn)
    return nullcontext()


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    found = {}
    for name in _VERSIONS:
        found[name] = version_of(name) or "not installed"
    return found


def _git_commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _readable(word: str) -> str:
    """Return a word of the command line as UTF-8 has it, whatever the locale."""
    return os.fsencode(word).decode("utf-8", "backslashreplace")
