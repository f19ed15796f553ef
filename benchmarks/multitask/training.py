"""Trains one cell and says what it reached: the entry that is kept of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from mtl.core.base.errors import MissingRequirementError, RecipeError, UsageError
from mtl.core.base.files import remove
from mtl.core.base.progress import Progress
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import Dataset
from mtl.core.discovery.registry import Registry
from mtl.core.execution.origin import origin
from mtl.core.execution.training import reason_of
from mtl.core.folders.run_folder import RunFolder
from mtl.core.recipe.recipe import Recipe
from mtl.core.running.pipeline import Outcome, Pipeline

from ..experiments import TOLERANCE, commit, exported_metrics, hardware, largest_difference
from .plan import Cell, Plan, recipe_of
from .store import Entry, Seconds


class Clock(Progress):
    """Sums the processor's seconds of the epochs, and keeps warnings."""

    def __init__(self) -> None:
        self.cpu = 0.0
        self.warnings: list[str] = []
        self._began = time.process_time()

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        self._began = time.process_time()

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        now = time.process_time()
        self.cpu, self._began = self.cpu + now - self._began, now

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@dataclass(frozen=True)
class Trainer:
    """Trains cells of a plan, their runs in `runs`; the work is done by the plan's number of threads."""

    plan: Plan
    registry: Registry
    runs: Path
    data_dir: Path | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    _data: dict[str, dict[str, str]] = field(default_factory=dict, init=False)

    def train(self, cell: Cell, rate: float) -> Entry:
        """Train a cell, after its last epoch where it was interrupted, and return its entry.

        A failure of the training or of its file is an entry with its reason. Raises `UsageError` and
        `MissingRequirementError` for what would fail every cell: no data, a full disk.
        """
        torch.set_num_threads(self.plan.threads)
        known = self._known(cell, rate)
        try:
            asked = recipe_of(self.plan, cell, rate, self.registry, self.data_dir)
            composition = compose(asked, self.registry)
        except RecipeError as error:
            return Entry(**known, status="failed", reason=reason_of(error)[0])
        recipe = composition.recipe
        known |= {"recipe": recipe.hash(), "data": self._data_of(composition)}
        try:
            reached = self._reached(cell, recipe)
        except (UsageError, MissingRequirementError):
            raise
        except Exception as error:  # a component may fail in any way: it becomes a row that says so
            reached = {"status": "failed", "reason": reason_of(error)[0]}
        return Entry(**known, **reached)

    def refuse_other_recipe(self, cell: Cell, kept: Entry) -> None:
        """Raise `UsageError` where the recipe of a kept cell is another one now."""
        recipe = compose(recipe_of(self.plan, cell, kept.rate, self.registry), self.registry).recipe
        if kept.recipe and recipe.hash() != kept.recipe:
            raise UsageError(
                f"{cell.name} was trained by another recipe than the plan gives now",
                hint=f"a default has changed: go on with commit {kept.commit[:10]}, or train the row anew",
            )

    def _known(self, cell: Cell, rate: float) -> dict[str, Any]:
        code = origin(self.registry, self.device.type)
        return {
            "plan": self.plan.hash(),
            "cell": cell.name,
            "row": cell.method.name,
            "seed": cell.seed,
            "rate": rate,
            "recipe": "",
            "data": {},
            "commit": commit(),
            "code": code["code"],
            "versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
            "threads": torch.get_num_threads(),
            "machine": hardware(self.device),
            "date": datetime.now(UTC).date().isoformat(),
        }

    def _reached(self, cell: Cell, recipe: Recipe) -> dict[str, Any]:
        folder, clock = self.runs / f"{cell.name}-{recipe.hash()[:10]}", Clock()
        searched = cell.rate is not None
        pipeline = Pipeline(self.registry, self.device, clock, publishes=not searched)
        resumed = (folder / "checkpoint" / "manifest.json").is_file()
        if resumed:
            outcome = pipeline.resume(RunFolder(folder), recipe)
        else:
            outcome = pipeline.run(recipe, folder, force=folder.exists())
        training = outcome.metrics["training"]
        found: dict[str, Any] = {
            "status": "trained",
            "seconds": Seconds(clock=training["seconds"], cpu=None if resumed else clock.cpu),
            "parameters": outcome.composition.parameters()["total"],
            "chosen_epoch": training["chosen_epoch"],
            "validation": outcome.metrics["validation"],
        }
        if searched:
            remove(folder)  # it judged the test split too, which nobody is to see before the rate is chosen
            return found
        return found | _proven(outcome)

    def _data_of(self, composition: Composition) -> dict[str, str]:
        key = str(composition.recipe.dataset)
        if key not in self._data:
            with composition.at_work("while it loaded the data"):
                self._data[key] = data_hashes(composition.dataset)
        return self._data[key]


def data_hashes(dataset: Dataset) -> dict[str, str]:
    """Return the SHA-256 of each split: of its images, then of its label columns in the order of names."""
    found = {}
    for split, columns in dataset.load().items():
        own = columns.alone()
        content = sha256(own.image.tobytes())
        for name in sorted(own.labels):
            content.update(own.labels[name].tobytes())
        found[split] = content.hexdigest()
    return found


def _proven(outcome: Outcome) -> dict[str, Any]:
    """Return the test metrics, and those of the exported file; where they part the cell has failed."""
    test, exported = outcome.metrics["test"], exported_metrics(outcome)
    apart = largest_difference(test, exported)
    found: dict[str, Any] = {"test": test, "onnx": exported, "onnx_difference": apart}
    if apart > TOLERANCE:
        reason = f"in onnxruntime a test metric is off by {100 * apart:.3g} % of its value"
        found |= {"status": "failed", "reason": reason}
    return found
