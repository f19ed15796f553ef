"""Where the items run, and the trainers that they look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from mtl.core.composition.composer import compose
from mtl.core.data.samples import Splits, load_splits
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.fitting_blocks import FittingBlocks
from mtl.core.training.trainer import Trainer

from ..jobs import registry

Line = dict[str, Any]
"""One finding: `what` was looked at, whether it is `ok` (absent where nothing is right or wrong), figures."""


@dataclass(frozen=True)
class Setting:
    """The device, where real data lie, and whether all is only rehearsed: on next to no data, for a look."""

    device: torch.device
    tiny: bool = False
    data_dir: Path | None = None

    @property
    def on_cuda(self) -> bool:
        return self.device.type == "cuda"

    def few(self, usual: int, rehearsed: int = 1) -> int:
        """Return a count: the usual one, or that of a rehearsal."""
        return rehearsed if self.tiny else usual

    def wait(self) -> None:
        """Wait for the device."""
        if self.on_cuda:
            torch.cuda.synchronize(self.device)

    def trainer(
        self, tree: Mapping[str, Any], *, splits: Splits | None = None, eager: bool = False
    ) -> Trainer:
        """Return a trainer of a recipe on digits; with `eager` its steps are taken one by one."""
        whole = {"tasks": ["denoise", "classify"], "encoder": "lenet", **tree}
        whole["train"] = {"batch_size": 32, "epochs": 100, **whole.get("train", {})}
        recipe = read(RecipeSource(whole), registry())
        made = Trainer(
            compose(recipe, registry()),
            splits or _splits(recipe.dataset.name, self.device, self.tiny),
            self.device,
        )
        if eager:
            made._captured = None
        return made


@cache
def _splits(dataset: str, device: torch.device, tiny: bool) -> Splits:
    return host_splits(dataset, 0.6, tiny).to(device)


@cache
def host_splits(dataset: str, validation: float, tiny: bool = False) -> Splits:
    """Return a data set's splits in the host's memory; tiny ones have a few samples each."""
    task = "classify" if dataset == "digits" else "shape-class"
    tree = {"dataset": {"name": dataset}, "tasks": {task: None}, "encoder": "mlp"}
    composition = compose(read(RecipeSource(tree), registry()), registry())
    whole = load_splits(composition.dataset, validation=validation, split_seed=0)
    return whole._each(lambda part: part.first(70)) if tiny else whole


def epochs(trainer: Trainer, count: int) -> list[list[float]]:
    """Train epochs as `Trainer.epochs` does (schedule, balancer, validation); each epoch's mean losses."""
    rows = trainer.epochs()
    return [[v for k, v in next(rows).row.items() if k.startswith("train/")] for _ in range(count)]


def graphs(trainer: Trainer) -> int:
    """Return how many graphs a trainer holds."""
    return trainer._captured.graphs if isinstance(trainer._captured, FittingBlocks) else 0


def weights(trainer: Trainer) -> torch.Tensor:
    """Return all parameters in one row, on the CPU."""
    return torch.cat([p.detach().float().flatten().cpu() for p in trainer.composition.model.parameters()])
