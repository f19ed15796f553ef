"""Trains a composition: one loop for CPU and CUDA, nothing read back from the device inside a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from .checkpoint import Checkpoint
from .composition import Composition
from .data import Splits
from .errors import MtlError, UsageError
from .evaluation import evaluate
from .losses import masked_loss
from .optimizers import build_optimizer, learning_rate, load_optimizer_tensors, optimizer_tensors
from .randomness import StepRandom, derive_seed, generator, seeded_generators
from .views import augment, plan_views


class NotFiniteError(MtlError):
    """A loss became infinite or not a number; no such update was applied (status 1)."""


@dataclass(frozen=True)
class EpochResult:
    """One trained and validated epoch, counted from 1; `row` is its line of the history."""

    epoch: int
    row: Mapping[str, float]
    best: bool
    checkpoint: Checkpoint


@dataclass
class _Selection:
    """The best validation score so far, the one that patience is counted from, and the first losses."""

    best: float = float("inf")
    reference: float = float("inf")
    waited: int = 0
    first: dict[str, float] = field(default_factory=dict)

    def score(self, losses: Mapping[str, float], weights: Mapping[str, float]) -> float:
        """Return the weighted mean of the tasks' losses, each relative to its value after the first epoch.

        Plain sums would let the task with the largest numbers choose the epoch alone.
        """
        self.first = self.first or {name: loss or 1.0 for name, loss in losses.items()}
        total = sum(weights.values()) or 1.0
        return sum(weights[name] * loss / self.first[name] for name, loss in losses.items()) / total


@dataclass
class Trainer:
    """Trains epoch by epoch; `epochs()` yields a result after each, ready to be saved.

    `on_step(done, total)` is called after each step, without waiting for the device.
    """

    composition: Composition
    splits: Splits
    device: torch.device
    on_step: Callable[[int, int], None] | None = None
    _epoch: int = 0
    _selection: _Selection = field(default_factory=_Selection)

    def __post_init__(self) -> None:
        recipe = self.composition.recipe
        self._training = recipe.train
        self._tasks = {name: composed.task for name, composed in self.composition.tasks.items()}
        self._views = plan_views(self._tasks, recipe.views)
        self._weights = torch.tensor(
            [composed.weight for composed in self.composition.tasks.values()], device=self.device
        )
        self.composition.model.to(self.device)
        self.composition.balancer.to(self.device)
        parameters = [*self.composition.model.parameters(), *self.composition.balancer.parameters()]
        self._optimizer = build_optimizer(parameters, self._training)
        self._shared = self.composition.model.sharing.shared_parameters()

    def epochs(self) -> Iterator[EpochResult]:
        """Train until the recipe's epochs are done or patience runs out, yielding after each epoch.

        Raises `NotFiniteError` before an update that would use a loss that is not finite, naming task and
        step, and `UsageError` when a task saw no label in a whole epoch.
        """
        while self._epoch < self._training.epochs and not self._out_of_patience():
            self._epoch += 1
            started = time.perf_counter()
            rate = learning_rate(self._training, self._epoch)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            losses = self._train_epoch()
            seconds = time.perf_counter() - started
            self.composition.balancer.post_epoch(losses.to(self.device) * self._weights)
            validation = evaluate(self.composition, self.splits.validation, "validation").metrics
            yield self._result(losses, validation, rate, seconds)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue after a checkpoint as if training had never stopped."""
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "balancer": {}}
        for key, value in checkpoint.tensors.items():
            group, _, name = key.partition("/")
            groups[group][name] = value
        self.composition.model.load_state_dict(groups["model"])
        self.composition.balancer.load_state_dict(groups["balancer"])
        load_optimizer_tensors(self._optimizer, groups["optimizer"])
        self._epoch = checkpoint.epoch
        # JSON has no infinity: null stands for it.
        numbers: dict[str, Any] = {
            k: float("inf") if v is None else v for k, v in checkpoint.state["selection"].items()
        }
        self._selection = _Selection(**numbers)

    def _train_epoch(self) -> Tensor:
        """Train once over the training split; return each task's mean loss `[T]` on the CPU."""
        samples = self.splits.train
        order = torch.randperm(
            len(samples), generator=generator("cpu", self.composition.recipe.seed, "order", self._epoch)
        ).to(self.device)
        batches = order.split(self._training.batch_size)
        count = len(self._tasks)
        totals = torch.zeros(count, device=self.device)
        seen = torch.zeros(count, device=self.device)
        failure = _Failure(count, self.device)
        self.composition.model.train()
        with seeded_generators(self.device) as seed_generators:
            for step, indices in enumerate(batches):
                seed_generators(derive_seed(self.composition.recipe.seed, "layers", self._epoch, step))
                losses, counts = self._losses(indices, step)
                self._update(losses, step, failure)
                totals += losses.detach() * counts
                seen += counts
                if self.on_step is not None:
                    self.on_step(step + 1, len(batches))
        failure.raise_if_found(list(self._tasks), self._epoch)
        self._refuse_unlabelled(seen)
        return (totals / seen).cpu()

    def _losses(self, indices: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return each task's mean loss, before weighting, and its number of labels on a batch, both `[T]`."""
        random = StepRandom(
            len(indices), self.device, self.composition.recipe.seed, "train", self._epoch, step
        )
        batch = augment(self.splits.train.batch(indices), self.composition.augmentations, random)
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for view in self._views:
            seen = view.look(batch, self._tasks, random)
            raw = self.composition.model(seen.image, seen.inputs, view.tasks, prepared=True)
            for name in view.tasks:
                target = self._tasks[name].target(seen.clean)
                found[name] = masked_loss(self.composition.tasks[name].loss, raw[name], target)
        ordered = [found[name] for name in self._tasks]
        return torch.stack([loss for loss, _ in ordered]), torch.stack([count for _, count in ordered])

    def _update(self, losses: Tensor, step: int, failure: _Failure) -> None:
        weighted = losses * self._weights
        gradients = self._task_gradients(weighted) if self.composition.balancer.needs_gradients else None
        weights = self.composition.balancer.weights(weighted, gradients)
        balanced = weights * weighted
        failure.note(balanced, step)
        self._optimizer.zero_grad(set_to_none=True)
        balanced.sum().backward()
        # A fused optimizer skips the update on the device where this flag is 1: no reading back.
        self._optimizer.found_inf = failure.found  # type: ignore[attr-defined]
        self._optimizer.step()
        self.composition.balancer.post_step(weighted.detach())

    def _task_gradients(self, losses: Tensor) -> Tensor:
        """Return each task's gradient with respect to the shared parameters, `[T, P]`."""
        rows = []
        for loss in losses:
            gradients = torch.autograd.grad(
                loss, self._shared, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
        return torch.stack(rows)

    def _refuse_unlabelled(self, seen: Tensor) -> None:
        for name, count in zip(self._tasks, seen.tolist(), strict=True):
            if count == 0:
                raise UsageError(
                    f"task {name!r} saw no label in epoch {self._epoch}",
                    hint="leave the task out, or give at least some training samples its label",
                )

    def _result(
        self, losses: Tensor, validation: Mapping[str, Mapping[str, float]], rate: float, seconds: float
    ) -> EpochResult:
        judged = {name: metrics["loss"] for name, metrics in validation.items()}
        bad = [name for name, loss in judged.items() if not isfinite(loss)]
        if bad:
            raise NotFiniteError(
                f"the validation loss of task {bad[0]!r} is not finite after epoch {self._epoch}", hint=_HINT
            )
        fixed = self.composition.balancer.fixed_weights
        weights = {
            name: composed.weight * fixed.get(name, 1.0) for name, composed in self.composition.tasks.items()
        }
        score = self._selection.score(judged, weights)
        best = self._select(score)
        row: dict[str, float] = {"epoch": self._epoch, "learning_rate": rate, "seconds": seconds}
        for name, loss in zip(self._tasks, losses.tolist(), strict=True):
            row[f"train/{name}/loss"] = loss
        for name, metrics in validation.items():
            row |= {f"validation/{name}/{metric}": value for metric, value in metrics.items()}
        return EpochResult(self._epoch, row, best, self._checkpoint())

    def _select(self, score: float) -> bool:
        selection = self._selection
        if score < selection.reference - self._training.min_delta:
            selection.reference, selection.waited = score, 0
        else:
            selection.waited += 1
        improved = score < selection.best
        selection.best = min(score, selection.best)
        return improved or self._training.select == "last"

    def _out_of_patience(self) -> bool:
        return self._training.patience is not None and self._selection.waited >= self._training.patience

    def _checkpoint(self) -> Checkpoint:
        groups: dict[str, Mapping[str, Tensor]] = {
            "model": self.composition.model.state_dict(),
            "balancer": self.composition.balancer.state_dict(),
            "optimizer": optimizer_tensors(self._optimizer),
        }
        tensors = {f"{group}/{name}": value for group, part in groups.items() for name, value in part.items()}
        selection = {
            key: None if value == float("inf") else value for key, value in vars(self._selection).items()
        }
        return Checkpoint(self._epoch, tensors, {"epoch": self._epoch, "selection": selection})


_HINT = "lower train.learning_rate, or look at the data; epochs before this one are in the checkpoint"


class _Failure:
    """Remembers on the device the first step whose losses were not finite, and which they were."""

    def __init__(self, tasks: int, device: torch.device) -> None:
        self.found = torch.zeros((), device=device)
        self._step = torch.full((), -1, dtype=torch.int64, device=device)
        self._tasks = torch.zeros(tasks, dtype=torch.bool, device=device)

    def note(self, losses: Tensor, step: int) -> None:
        bad = ~torch.isfinite(losses.detach())
        first = bad.any() & (self._step < 0)
        self._step = torch.where(first, step, self._step)
        self._tasks = torch.where(first, bad, self._tasks)
        # Once found it stays: no later step of the epoch may update from what came after.
        self.found = torch.maximum(self.found, bad.any().float())

    def raise_if_found(self, tasks: Sequence[str], epoch: int) -> None:
        step = int(self._step)
        if step < 0:
            return
        bad = [name for name, is_bad in zip(tasks, self._tasks.tolist(), strict=True) if is_bad]
        raise NotFiniteError(
            f"the loss of task {bad[0]!r} is not finite at epoch {epoch}, step {step + 1}", hint=_HINT
        )
