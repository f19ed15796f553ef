"""What the encoder's stages and the narrow layers hold for the first test samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..composition.composition import Composition
from ..data.samples import Samples
from ..evaluation.evaluation import module_device, views_of

DEAD = 0.01
"""A feature whose standard deviation over samples (and places) is below this says nothing."""

_BATCH = 64
_SAMPLES, _POINTS, _MOST = 256, 1000, 2048
"""Fewest samples looked at, as many where there is a plane to draw, and most of all."""


@dataclass
class StageActivity:
    """One stage: its features over the samples; of a map `[C, h, w]` a channel is a feature."""

    count: int = 0
    total: Tensor | None = None
    squares: Tensor | None = None
    rows: list[Tensor] = field(default_factory=list)

    def add(self, output: Tensor) -> None:
        """Take a batch's output, `[B, C]` or `[B, C, h, w]`."""
        flat = output.detach().float().flatten(2) if output.dim() > 2 else output.detach().float()[..., None]
        places = torch.arange(len(flat), device=flat.device) * 7919 % flat.shape[2]
        # One place of every image: neighbours say nearly the same.
        self.rows.append(flat[torch.arange(len(flat), device=flat.device), :, places].cpu())
        values = flat.double()
        total, squares = values.sum(dim=(0, 2)).cpu(), values.square().sum(dim=(0, 2)).cpu()
        self.total = total if self.total is None else self.total + total
        self.squares = squares if self.squares is None else self.squares + squares
        self.count += flat.shape[0] * flat.shape[2]

    def dead(self) -> int:
        """Return the number of features with a standard deviation below `DEAD`."""
        assert self.total is not None
        assert self.squares is not None
        mean = self.total / self.count
        return int(((self.squares / self.count - mean**2).clamp(min=0).sqrt() < DEAD).sum())

    def ranks(self) -> tuple[int, float]:
        """Return the rank of the centred features, and their effective rank (Roy and Vetterli 2007)."""
        rows = torch.cat(self.rows)
        values = torch.linalg.svdvals(rows - rows.mean(dim=0))
        largest = float(values.max())
        if largest == 0.0:
            return 0, 0.0
        limit = largest * max(rows.shape) * torch.finfo(torch.float32).eps
        shares = values / values.sum()
        entropy = -(shares * shares.clamp(min=1e-12).log()).sum()
        return int((values > limit).sum()), float(entropy.exp())


@dataclass(frozen=True)
class Activity:
    """Stages by the tasks that see them, and the values of narrow layers `[N, D]` by task.

    `labels` are the label columns of those samples.
    """

    stages: dict[tuple[str, ...], list[StageActivity]]
    narrow: dict[str, Tensor]
    labels: dict[str, Tensor]
    samples: int


def activity(composition: Composition, test: Samples) -> Activity:
    """Return what stages and narrow layers hold for the first test samples; the mode is left as it was."""
    model = composition.model
    layers = {name: model.head(name).bottleneck() for name in composition.tasks}
    narrow: dict[str, list[Tensor]] = {name: [] for name, layer in layers.items() if layer is not None}
    widest = max(spec.channels for specs in model.sharing.feature_specs.values() for spec in specs)
    # Fewer samples than features would limit the rank themselves.
    count = min(len(test), max(_POINTS if narrow else _SAMPLES, min(2 * widest, _MOST)))
    first = test.first(count)
    stages: dict[tuple[str, ...], list[StageActivity]] = {}
    hooks = [model.sharing.register_forward_hook(partial(_note_stages, stages))]
    hooks += [
        layer.register_forward_hook(partial(_note_narrow, narrow[name]))
        for name, layer in layers.items()
        if layer is not None
    ]
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for names, seen in views_of(composition, first.to(module_device(model)), "test", _BATCH):
                model.answer_once(seen.image, seen.inputs, names)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    joined = {name: torch.cat(parts) for name, parts in narrow.items()}
    return Activity(stages, joined, {name: column.cpu() for name, column in first.labels.items()}, count)


def _note_stages(
    found: dict[tuple[str, ...], list[StageActivity]],
    module: nn.Module,
    arguments: Sequence[Any],
    output: dict[str, tuple[Tensor, ...]],
) -> None:
    together: dict[int, list[str]] = {}
    for task, stages in output.items():
        together.setdefault(id(stages), []).append(task)
    for tasks in together.values():
        stages = output[tasks[0]]
        known = found.setdefault(tuple(tasks), [StageActivity() for _ in stages])
        for one, value in zip(known, stages, strict=True):
            one.add(value)


def _note_narrow(found: list[Tensor], module: nn.Module, arguments: Sequence[Any], output: Tensor) -> None:
    found.append(output.detach().float().flatten(1).cpu())
