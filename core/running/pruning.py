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
from typing import Any

import numpy as np

from ..base.errors import VerificationError
from ..base.files import write_json
from ..contracts import Arrays, Leading, Predict
from ..contracts.quality import allowed_for, drop, unit_of
from ..discovery.registry import Registry
from ..evaluation.judging import leading_metrics
from ..folders.run_folder import entered_around
from ..recipe.recipe import Recipe
from ..recipe.recipe_reader import read
from ..recipe.recipe_source import RecipeSource
from ..recipe.request import Request
from .alike import file_alike
from .exporting import export_subject
from .pipeline import Outcome
from .run import Run
from .starting import Warn

PRUNING = "pruning.json"
"""In the folder of a pruned run: sizes, times and quality before and after."""

GATED = "validation"
"""The split that decides; the test split is reported and decides nothing."""

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


def compared(run: Run, outcome: Outcome, asked: Pruning) -> dict[str, Any]:
    """Return parameters, bytes, times and quality before and after."""
    leading = leading_metrics(outcome.composition)
    found: dict[str, Any] = {
        "run": str(run.path),
        "ratio": asked.ratio,
        "parameters": [_parameters(run), sum(it.numel() for it in outcome.composition.model.parameters())],
        "quality": _quality(run.metrics, outcome.metrics, leading, allowed_for(leading, asked.max_drop)),
    }
    if outcome.export.files and outcome.export.files[0].is_file():
        found |= _saved(run, outcome)
    return found


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


def check_pruned(found: Mapping[str, Any], outcome: Outcome, warn: Warn) -> None:
    """Write what was found into the run; raise `VerificationError` for a task that loses too much.

    The exported files are then taken away; the run stays.
    """
    folder = outcome.folder.path
    losing = next((task for task, item in found["quality"].items() if not item["held"]), None)
    with entered_around(folder / PRUNING, warn):
        write_json(folder / PRUNING, found)
        if losing is None:
            return
        for file in outcome.export.files:
            if file.is_file():
                file.unlink()
    item = found["quality"][losing]
    before, after = item[GATED]
    raise VerificationError(
        f"{folder}: task {losing!r} loses too much by pruning: {item['metric']} {before:.4g} -> {after:.4g} "
        f"on the {GATED} split, {item['drop']:.3g} {item['unit']} worse; allowed: {item['allowed']:g}",
        hint="its file was not kept: take away less (--ratio), train on for longer (--epochs), or allow more "
        f"(--max-drop {losing}=VALUE)",
    )


def _quality(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    leading: Mapping[str, Leading],
    allowed: Mapping[str, float],
) -> dict[str, dict[str, Any]]:
    found = {}
    for task, item in leading.items():
        pairs = {
            split: [values[split][task][item.metric] for values in (before, after)]
            for split in (GATED, "test")
        }
        lost = drop(item, *pairs[GATED])
        found[task] = {
            "metric": item.metric,
            **pairs,
            "drop": lost,
            "unit": unit_of(item).name,
            "allowed": allowed[task],
            # Written so that NaN fails it too.
            "held": lost <= allowed[task],
        }
    return found


def _parameters(run: Run) -> int:
    return sum(parameter.numel() for parameter in run.model.parameters())


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
