"""`mtl prune`: a run's model with fewer channels, trained on, judged against what it was, and measured.

The new run starts from the old one's weights, pruned (`init_from.prune`), and is a run like any other. A task
that loses more than a smaller export may lose is refused: the run stays, to be trained on, its file does not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from torch import nn

from ..base.errors import VerificationError
from ..base.progress import Progress
from ..contracts import Arrays, Predict
from ..contracts.quality import allowed_for
from ..discovery.registry import Registry
from ..evaluation.judging import leading_metrics
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..recipe.request import Request
from .alike import file_alike
from .exporting import export_subject
from .made_from import MadeFrom
from .pipeline import Outcome
from .pruning_loss import PRUNING, SPLITS, quality, read_pruning, refuse_loss
from .run import Run
from .started_from import run_started_from

BATCHES = (1, 64)
_CALLS = 20


@dataclass(frozen=True)
class Pruning:
    """What is asked: the share of channels to take away, what a task may lose, and how to train on."""

    ratio: float
    max_drop: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    assignments: tuple[str, ...] = ()


def pruned_recipe(run: Run, asked: Pruning, registry: Registry) -> tuple[Recipe, RecipeSource]:
    """Return the recipe that prunes a run's model and trains it on, and where its values were written.

    Raises `UsageError` for a run that is not complete, and for a limit by a name that is no task
    and no metric.
    """
    _ = run.metrics  # only a complete run has a quality to lose
    old = run.composition
    allowed_for(leading_metrics(old), asked.max_drop)
    tree = old.recipe.to_plain()
    tree["init_from"] = {"run": str(run.path), "prune": asked.ratio}
    source = Request(tree, None, dict(asked.flags), asked.assignments).source(registry)
    return read(source, registry), source


@dataclass(frozen=True)
class PrunedFrom(MadeFrom):
    """The run that another one is a narrower one of.

    `known` is all that the gate needs of it; `run`, for sizes and times, is None where it is not at hand any
    more: `reason` says why.
    """

    file: ClassVar[str] = PRUNING
    name: ClassVar[str] = "pruning"

    known: Mapping[str, Any]
    run: Run | None
    reason: str = ""

    @classmethod
    def of(cls, run: Run, asked: Pruning) -> PrunedFrom:
        """Return a complete run as what is asked for is to be judged against."""
        known = {
            "run": str(run.path),
            "ratio": asked.ratio,
            "max_drop": dict(asked.max_drop),
            "before": {split: run.metrics[split] for split in SPLITS},
            "parameters": [_parameters(run.model)],
        }
        return cls(known, run)

    def begun(self) -> dict[str, Any]:
        return dict(self.known)

    def found(self, outcome: Outcome) -> dict[str, Any]:
        """Return parameters, bytes, times and quality before and after."""
        found: dict[str, Any] = {
            "parameters": [*self.known["parameters"], _parameters(outcome.composition.model)],
            "quality": quality(self.known, outcome.metrics, outcome.composition),
        }
        if self.run is None:
            return found | {"not_compared": self.reason}
        if outcome.export.files and outcome.export.files[0].is_file():
            found |= _saved(self.run, outcome)
        return found

    def refuse(self, found: Mapping[str, Any], outcome: Outcome) -> None:
        """Raise `VerificationError` for a task that loses too much: the files go, the run stays."""
        try:
            refuse_loss(outcome.folder.path, found["quality"])
        except VerificationError:
            for file in outcome.export.files:
                file.unlink(missing_ok=True)
            raise


def pruned_from(
    folder: RunFolder, recipe: Recipe, registry: Registry, progress: Progress
) -> PrunedFrom | None:
    """Return the run that a pruned one was made from, None where it was not pruned by `mtl prune`.

    `progress` is warned where that run is gone, damaged or has other weights by now.
    """
    told = read_pruning(folder.path)
    if told is None or recipe.init_from is None:
        return None
    known = {name: told[name] for name in ("run", "ratio", "max_drop", "before", "parameters")}
    known["parameters"] = known["parameters"][:1]
    run, reason = run_started_from(recipe.init_from, registry, progress)
    if run is None:
        progress.warning(f"what pruning saves in bytes and time will not be told: {reason}")
    return PrunedFrom(known, run, reason)


def _saved(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Return the bytes of both runs' files, and what they take for a batch where they can be run here."""
    exporter = outcome.composition.exporter
    with TemporaryDirectory() as folder:
        files = [file_alike(run, outcome, Path(folder)), outcome.export.files[0]]
        found: dict[str, Any] = {"bytes": [file.stat().st_size for file in files]}
        samples = export_subject(outcome.composition, outcome.splits.test, {}).samples
        predictors = [exporter.predictor(file) for file in files]
        for batch in BATCHES:
            times = [it and _milliseconds(it, samples, batch) for it in predictors]
            if all(times):
                found[f"milliseconds_at_{batch}"] = times
    return found


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _milliseconds(predict: Predict, samples: Arrays, batch: int) -> float:
    """Return the median time that an exported file takes for a batch of real samples."""
    rows = np.arange(batch) % min(len(values) for values in samples.values())
    feed = {name: values[rows] for name, values in samples.items()}
    taken = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        predict(feed)
        taken.append(time.perf_counter() - began)
    return round(1000 * median(taken), 4)
