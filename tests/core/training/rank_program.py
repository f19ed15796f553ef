"""Trains recipes as one rank of a world, in float64; `test_ranks.py` starts it and compares what ranks reach.

The first argument is a JSON file with recipes by name, the second where to write what they came to.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from mtl.core.base.ranks import Ranks, join_ranks
from mtl.core.composition import losses
from mtl.core.composition.composer import compose
from mtl.core.data.samples import Splits, load_splits
from mtl.core.discovery.registry import Registry, discover
from mtl.core.evaluation import evaluation
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training import step
from mtl.core.training.step import StepLosses
from mtl.core.training.trainer import Trainer

CPU = torch.device("cpu")


def without_labels(splits: Splits, marks: str) -> None:
    """Take labels away: `some` every third, `first` those of the first half of every eight samples."""
    for column in splits.train.labels.values():
        places = torch.arange(len(column))
        column[places % 3 == 0 if marks == "some" else places % 8 < 4] = (
            float("nan") if column.dtype.is_floating_point else -1
        )


SHARES = losses._shares


def shares_in_float64(there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Let what a sample counts for be as exact as its loss."""
    return SHARES(there.double())


def in_float64(module: torch.nn.Module, given: Any) -> Any:
    """Give a layer float64, whatever images and positions are kept in."""
    return tuple(value.double() if isinstance(value, torch.Tensor) else value for value in given)


class Recorded:
    """Captures as a graph does: nothing is done, and nobody spoken to, before it is replayed."""

    def __init__(self, *, breaks: bool) -> None:
        self._breaks = breaks

    def __call__(self, work: Callable[[], StepLosses]) -> Callable[[], StepLosses]:
        if self._breaks:
            raise RuntimeError("a value was read back")
        return work


def trained(recipe: dict[str, Any], registry: Registry, ranks: Ranks) -> dict[str, Any]:
    """Train a recipe, in float64 unless it says otherwise; return weights, losses and scores."""
    recipe = dict(recipe)
    marks, rounded = recipe.pop("without labels", None), recipe.pop("in float32", False)
    captured = recipe.pop("captured", None)
    composition = compose(read(RecipeSource(recipe), registry), registry)
    losses._shares = SHARES if rounded else shares_in_float64
    if not rounded:
        composition.model.double()
        composition.balancer.double()
    for module in () if rounded else composition.model.modules():
        if "weight" in module._parameters:
            module.register_forward_pre_hook(in_float64)
    splits = load_splits(composition.dataset, validation=0.25, split_seed=0)
    if marks:
        without_labels(splits, marks)
    trainer = Trainer(composition, splits, CPU, ranks=ranks)
    if captured:
        recorded = Recorded(breaks=captured == "but on rank 1" and ranks.rank == 1)
        trainer._captured = trainer._fitting_blocks(recorded, lambda: nullcontext([]))
    rows = [dict(result.row) for result in trainer.epochs()]
    if captured and not ranks.alone:
        assert (trainer.eager_reason is None) == (captured == "on all ranks"), trainer.eager_reason
    weights = {name: value.clone() for name, value in composition.model.state_dict().items()}
    weights |= {
        f"balancer {name}": value.clone() for name, value in composition.balancer.state_dict().items()
    }
    for row in rows:
        row.pop("seconds")
    return {"weights": weights, "rows": rows}


def main() -> None:
    """Train every recipe; a failure is kept as its text."""
    # Components give float32, which is looked at; here they are to show that nothing but rounding differs.
    step.expect_plain = evaluation.expect_plain = lambda *told: None
    torch.set_num_threads(1)
    ranks, _ = join_ranks(CPU)
    registry = discover()
    found: dict[str, Any] = {}
    for name, recipe in json.loads(Path(sys.argv[1]).read_text()).items():
        try:
            found[name] = trained(recipe, registry, ranks)
        except Exception:
            found[name] = traceback.format_exc()
            if not ranks.alone:
                break
    torch.save(found, f"{sys.argv[2]}.{os.environ.get('RANK', '0')}")


if __name__ == "__main__":
    main()
