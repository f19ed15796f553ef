"""What a trained model reaches on each split, beside a constant answer: the content of `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..composition.composition import Composition
from ..data.samples import Splits
from ..evaluation.evaluation import baseline, evaluate
from ..folders.run_folder import RunFolder


def metrics_of(composition: Composition, splits: Splits) -> dict[str, Any]:
    """Return the content of `metrics.json`: test, validation, and the baseline on test, with its answer.

    Raises `VerificationError` when a loss or an answer is not finite.
    """
    test = evaluate(composition, splits.test, "test")
    validation = evaluate(composition, splits.validation, "validation")
    test.refuse_not_finite("test")
    validation.refuse_not_finite("validation")
    constant, answers = baseline(composition, splits.train, splits.test, "test")
    return {
        "test": _finite(test.metrics),
        "validation": _finite(validation.metrics),
        "baseline": _finite(constant),
        "baseline_answer": answers,
        "tables": {"test": test.tables, "validation": validation.tables},
    }


def metrics_of_own_epochs(folder: RunFolder, composition: Composition, splits: Splits) -> dict[str, Any]:
    """Return what each task reaches on test at its own best epoch, where the recipe asks for that."""
    if composition.recipe.train.select != "per-task":
        return {}
    own = {}
    for task in composition.tasks:
        epoch, weights = folder.checkpoints.best(task)
        composition.model.load_state_dict(weights)
        test = evaluate(composition, splits.test, "test")
        test.refuse_not_finite("test")
        own[task] = {"epoch": epoch, "test": _finite(test.metrics)[task]}
    return {"own_epoch": own}


def _finite(values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """JSON has no infinity: the signal-to-noise ratio of a perfect copy is null."""
    return {
        task: {
            name: value if torch.isfinite(torch.tensor(value)) else None for name, value in metrics.items()
        }
        for task, metrics in values.items()
    }
