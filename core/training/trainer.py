"""Trains a composition: one loop for CPU and CUDA, nothing read back from the device inside a step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from ..base.allocation import keep_freed_memory
from ..base.device import in_use
from ..base.ranks import ALONE, Ranks
from ..base.weak import weakly
from ..composition.composition import Composition
from ..composition.memory_format import memory_format
from ..contracts.randomness import derive_seed, seeded_generators
from ..contracts.specs import dataset_to_json
from ..data.content import content_of
from ..data.samples import Splits
from ..evaluation.evaluation import Evaluation, Fitting, evaluate
from .agreement import refuse_drift
from .blocks import Blocks, StepLessons, step_sizes
from .capturable import why_not_captured
from .capture import Capture, CapturedBlocks, Checks, Work
from .captured_sums import agreed_by, watched_over
from .checkpoint import Checkpoint
from .conflict import conflict
from .cuda_capture import CudaCapture
from .determinism import deterministic
from .epoch_losses import EpochLosses
from .failure import Failure, NotFiniteError, refuse_unseen
from .feed import Sent
from .fitting_blocks import BlockInParts, FittingBlocks, positions
from .history import to_json
from .keepers import changed_by, keepers_of
from .kept import Kept
from .own_layers import OwnLayers
from .rates import rate_factors
from .sampling import draws_of
from .selection import Selection, watched
from .state import put_back, state_of
from .step import Step, StepLosses
from .together import Member, Part, Together
from .update import update_of
from .waits import noted_waits
from .within_epoch import WithinEpoch


@dataclass(frozen=True)
class EpochResult:
    """One trained and validated epoch, counted from 1; `row` is its line of the history.

    Its weights are to be kept where it is the `best` so far, and for the tasks that it is the `best_of`.
    """

    epoch: int
    row: Mapping[str, float]
    best: bool
    checkpoint: Checkpoint
    best_of: tuple[str, ...] = ()


@dataclass
class Trainer:
    """Trains epoch by epoch; `epochs()` yields a result after each, ready to be saved.

    `on_step(done, total)` is called after each step, without waiting for the device. Without `seeds_layers`
    torch's own generators are left alone: only for models whose layers draw from none. Of several `ranks`
    each has a trainer, and all come to the same weights. `tell` gets lines for the user.
    """

    composition: Composition
    splits: Splits
    device: torch.device
    on_step: Callable[[int, int], None] | None = None
    seeds_layers: bool = True
    ranks: Ranks = ALONE
    tell: Callable[[str], object] = lambda line: None
    on_kept: Callable[[Checkpoint], object] = lambda checkpoint: None
    _epoch: int = 0
    _rate: float = 0.0
    _fitting: Fitting = field(default_factory=Fitting)
    _selection: Selection = field(default_factory=Selection)
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._training = self.composition.recipe.train
        chosen = memory_format(self._training.channels_last)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.composition.model.to(self.device, memory_format=chosen)  # type: ignore[call-overload]
        self.composition.balancer.to(self.device)
        self._update = update_of(self.composition)
        self._failure = Failure(self.device)
        self._step = Step(self.composition, self._update, self.device, self.ranks)
        self._kept = Kept(self.composition)
        self._blocks = Blocks(self.composition, self.splits.train, self.device, self.ranks)
        # What is looked at between epochs is a whole batch, on every rank.
        self._looks = (
            self._blocks if self.ranks.alone else Blocks(self.composition, self.splits.train, self.device)
        )
        self.steps = len(step_sizes(len(self.splits.train), self._training.batch_size))
        self._captured: FittingBlocks | Member | None = self._prepare_capture()
        self._draws = draws_of(self.composition, self.splits.train)
        self._within = WithinEpoch(self.composition, self._draws, self._blocks.steps)

    @cached_property
    def _content(self) -> dict[str, dict[str, Any]]:
        return content_of(self.splits)

    @property
    def eager_reason(self) -> str | None:
        """Why steps are not captured in a CUDA graph; None where nothing speaks against it, or on the CPU."""
        return self._captured.reason if self._captured else None

    def epochs(self) -> Iterator[EpochResult]:
        """Train until the recipe's epochs are done or patience runs out, yielding after each epoch.

        Raises `NotFiniteError` before an update that would use a loss that is not finite, naming task and
        step, `NegativeLossError` when the balancer needs positive losses, and `UsageError` when a task saw no
        label in a whole epoch.
        """
        with watched_over(self._captured, self.ranks):
            while self._epoch < self._training.epochs and not self._selection.out_of_patience(self._training):
                started = time.perf_counter()
                losses = self.train_epoch()
                seconds = time.perf_counter() - started
                self.composition.balancer.post_epoch(losses.to(self.device) * self._step.task_weights)
                with self._averaged():
                    validation = evaluate(
                        self.composition,
                        self.splits.validation,
                        "validation",
                        fitting=self._fitting,
                        ranks=self.ranks,
                    )
                result = self._result(losses, validation, seconds)
                with self._averaged():
                    yield result
        if self._captured is not None:  # Who is done keeps its trainer for its results, not for its graphs.
            self._captured.release()

    def _averaged(self) -> AbstractContextManager[None]:
        """Let the model have its averaged weights, where the recipe asks for them: they are what is kept."""
        average = self._update.average
        return nullcontext() if average is None else average.in_place()

    def takes(self, checkpoint: Checkpoint) -> bool:
        """Return whether this training can go on where a checkpoint is: at the end of one of its blocks."""
        return self._within.takes(checkpoint)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue after a checkpoint as if training had never stopped."""
        put_back(self.composition, self._update, checkpoint.tensors)
        self._kept = Kept(self.composition)  # losses have the model's statistics, of the data as they were
        self._epoch = checkpoint.epoch
        self._within.resume(checkpoint)
        # JSON has no infinity: null stands for it.
        selection = checkpoint.state["selection"].items()
        numbers: dict[str, Any] = {k: float("inf") if v is None else v for k, v in selection}
        self._selection = Selection(**numbers)
        self._rows = list(checkpoint.state.get("history", []))
        if self.ranks.alone and self._graphs is not None and (found := checkpoint.state.get("graphs")):
            self._graphs.restore(found)

    def train_epoch(self) -> Tensor:
        """Train the next epoch: once over the split; return each task's mean loss `[T]` on the CPU."""
        with in_use(self.device), deterministic(self._training.deterministic, self.device):
            return self._train_epoch()

    def _train_epoch(self) -> Tensor:
        self._epoch += 1
        self._failure.restart()
        freezing, model = self.composition.training.freezing, self.composition.model
        with freezing.in_epoch(model, self._epoch):
            model.sharing.pre_epoch(self._epoch, self._training.epochs)
            if self._captured is not None:
                if freezing.ends_before(self._epoch):
                    self._captured.release()
                self._captured.begin_epoch()
            found = self._steps_of_epoch()
        losses, balanced, counts = found.all()
        balancer, tasks = self.composition.balancer, tuple(self.composition.tasks)
        positive = self.composition.recipe.balancer.name if balancer.needs_positive_losses else None
        self._failure.raise_if_found(losses, balanced, tasks, self._epoch, positive)
        self._kept.refuse_changed()
        refuse_drift(self.composition, self.ranks, f"after epoch {self._epoch}")
        seen = counts.sum(dim=0)
        refuse_unseen(tasks, seen, self._epoch)
        return ((losses * counts).sum(dim=0) / seen).cpu()

    def _steps_of_epoch(self) -> EpochLosses:
        """Take the steps of the epoch in hand, block by block; return what they gave."""
        seed = self.composition.recipe.seed
        order = self._draws.order(seed, self._epoch)
        total = self.steps
        found = self._within.begin(self._step.balancing.seen)
        kept_after = self._within.kept_after(self._epoch)
        factors = rate_factors(self.composition, self._epoch, total)
        self._rate = self._training.learning_rate * factors[-1]
        first = found.done // self._blocks.steps
        parts = self._blocks.split(order.to(self.splits.train.home), first)
        with self._layers() as seed_generators:
            for block, indices in enumerate(parts, first):

                def restart(block: int = block, done: int = found.done) -> None:
                    seed_generators(derive_seed(seed, "layers", self._epoch, block))
                    self._update.begin_block(factors[done : done + self._blocks.steps])
                    self._blocks.restart(self._epoch, block)

                restart()
                sent = self._blocks.send(indices)
                if self._captured is not None:
                    found.add(self._captured(sent, restart))
                    self._tell(found.done, total)
                else:
                    found.add(self._work(sent, block, lambda step: self._tell(step, total), found.done))
                if found.done in kept_after:
                    self._keep(found)
        return found

    def _keep(self, found: EpochLosses) -> None:
        """Hand over the state in the middle of an epoch, unless a loss was not finite: its end tells."""
        if bool(self._failure.found):
            return
        self._kept.refuse_changed()
        refuse_drift(self.composition, self.ranks, f"after step {found.done} of epoch {self._epoch}")
        before = self._checkpoint(self._epoch - 1)
        self.on_kept(self._within.checkpoint(before, found, self._step.balancing.seen))

    def _work(
        self, given: Tensor | Sent, block: int, tell: Callable[[int], None] | None = None, done: int = 0
    ) -> StepLosses:
        """Take a block's steps one by one; return what they gave, `[K, T]` each."""
        return self._take(self._blocks.lessons(given, self._epoch, block), tell, done)

    def _take(
        self, steps: list[StepLessons], tell: Callable[[int], None] | None = None, done: int = 0
    ) -> StepLosses:
        found = []
        for index, lessons in enumerate(steps):
            closes = self._closes(index, len(steps), done)
            found.append(self._step(lessons, self._failure, closes))
            if tell is not None:
                tell(done + len(found))
        return StepLosses(*(torch.stack(part) for part in zip(*found, strict=True)))

    def _closes(self, index: int, count: int, done: int) -> bool:
        """Return whether a step of a block ends a run of batches; `done` steps came before the block."""
        runs = self._training.accumulate
        if runs <= self._blocks.steps:
            # Blocks hold whole runs: `done`, which a replay would not know, does not matter.
            return (index + 1) % runs == 0 or index + 1 == count
        return (done + index + 1) % runs == 0 or done + index + 1 == self.steps

    def _layers(self) -> AbstractContextManager[Callable[[int], None]]:
        """Give what seeds the generators that layers draw from."""
        if isinstance(self._captured, Member):
            return nullcontext(self._captured.part.layers.seed)
        return seeded_generators(self.device) if self.seeds_layers else nullcontext(lambda value: None)

    @property
    def may_join(self) -> bool:
        """Whether blocks could be taken together with those of other trainings, in one graph."""
        # The switch for deterministic operations is the process's, and there is one compiler.
        apart = self._training.compile or self._training.deterministic
        return isinstance(self._captured, FittingBlocks) and self.eager_reason is None and not apart

    def join(self, together: Together) -> Member:
        """Take blocks together with others from now on, in a thread of its own; needs `may_join`."""
        assert isinstance(self._captured, FittingBlocks)
        self._captured = together.join(
            Part(
                weakly(self._replayed),
                self._captured,
                self._keepers(),
                weakly(self._changes),
                self._blocks.generators,
                OwnLayers(self.device),
                self._step.abandon,
            )
        )
        return self._captured

    def _tell(self, done: int, total: int) -> None:
        if self.on_step is not None:
            self.on_step(done, total)

    def _prepare_capture(self) -> FittingBlocks | None:
        """Return what captures and replays blocks; None on the CPU, which has nothing to gain by it."""
        if self.device.type != "cuda":
            return None
        return self._fitting_blocks(CudaCapture(self.device, self._blocks.generators), noted_waits)

    def _fitting_blocks(
        self, capture: Capture, waits: Callable[[], AbstractContextManager[list[str]]] | None = None
    ) -> FittingBlocks:
        steps, accumulate = self._blocks.steps, self._training.accumulate
        reason = why_not_captured(self.composition, self._update, steps, self.ranks)
        checks = None if waits is None else Checks(waits, weakly(self._changes))
        keepers, forget, agree = self._keepers(), self._step.abandon, agreed_by(self.ranks)

        def captured(work: Work) -> CapturedBlocks:
            return CapturedBlocks(work, capture, keepers, reason, checks, forget, agree)

        parts = BlockInParts(weakly(self._lessons), weakly(self._take), weakly(self._begin_part))
        whole, tell = weakly(self._replayed), weakly(self._say)
        return FittingBlocks(captured, whole, parts, self.device, min(steps, self.steps), accumulate, tell)

    @property
    def _graphs(self) -> FittingBlocks | None:
        return self._captured.part.alone if isinstance(self._captured, Member) else self._captured

    def _lessons(self, given: Tensor | Sent) -> list[StepLessons]:
        # Kept generators are seeded before every block: the names of the block in hand do not matter here.
        return self._blocks.lessons(given, self._epoch, 0)

    def _replayed(self, given: Tensor | Sent) -> StepLosses:
        return self._take(self._lessons(given))

    def _begin_part(self, start: int, stop: int) -> Callable[[], None]:
        """Make ready for some steps of the block in hand; return what does so again."""
        back = positions(self.device, self._blocks.generators)
        self._update.begin_part(start, stop)

        def restart() -> None:
            self._update.begin_part(start, stop)
            back()

        return restart

    def _say(self, line: str) -> None:
        self.tell(line)

    def _keepers(self) -> tuple[object, ...]:
        """Return the components that may keep state from step to step."""
        return keepers_of(self.composition)

    def _changes(self) -> list[Tensor]:
        """Return every tensor that a step changes."""
        return [*changed_by(self.composition, self._update), *self._failure.state, self._step.balancing.seen]

    def _result(self, losses: Tensor, validation: Evaluation, seconds: float) -> EpochResult:
        judged = {name: metrics["loss"] for name, metrics in validation.metrics.items()}
        for name, count in validation.not_finite.items():
            what = "answers" if count and isfinite(judged[name]) else "loss"
            raise NotFiniteError(
                f"the validation {what} of task {name!r} is not finite after epoch {self._epoch}", self._epoch
            )
        fixed = self.composition.balancer.fixed_weights
        weights = {
            name: composed.weight * fixed.get(name, 1.0) for name, composed in self.composition.tasks.items()
        }
        watch = self._training.watch
        score = (
            self._selection.score(judged, weights)
            if watch is None
            else watched(validation.metrics, watch, self.composition.tasks)
        )
        best = self._selection.keep(score, self._training)
        best_of = self._selection.improved(judged) if self._training.select == "per-task" else ()
        row: dict[str, float] = {"epoch": self._epoch, "learning_rate": self._rate, "seconds": seconds}
        for name, loss in zip(self.composition.tasks, losses.tolist(), strict=True):
            row[f"train/{name}/loss"] = loss
        row |= self._balance_of_epoch()
        for name, metrics in validation.metrics.items():
            row |= {f"validation/{name}/{metric}": value for metric, value in metrics.items()}
        self._rows += to_json([row])
        return EpochResult(self._epoch, row, best, self._checkpoint(self._epoch), best_of)

    def _balance_of_epoch(self) -> dict[str, float]:
        """Return the epoch's mean weights by task, unless they are constant, and the gradients' cosines."""
        row = {}
        seen = self._step.balancing.seen
        if not self.composition.balancer.constant:
            mean = (seen / self.steps).tolist()
            row = {f"weight/{name}": value for name, value in zip(self.composition.tasks, mean, strict=True)}
        seen.zero_()
        return row | conflict(self.composition, self._looks, len(self.splits.train), self.device)

    def _checkpoint(self, epoch: int) -> Checkpoint:
        selection = {
            key: None if value == float("inf") else value for key, value in vars(self._selection).items()
        }
        state = {
            "epoch": epoch,
            "selection": selection,
            "recipe": self.composition.recipe.portable(),
            "data": dataset_to_json(self.composition.dataset_spec),
            "content": self._content,
            "history": list(self._rows),
            "graphs": None if self._graphs is None else self._graphs.state(),
        }
        return Checkpoint(epoch, state_of(self.composition, self._update), state)
