"""One step of training: forward, losses, balance, update. Nothing is read back."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ..base.branches import side_by_side
from ..base.errors import ComponentError
from ..base.ranks import ALONE, Ranks
from ..composition.composition import Composition
from ..composition.losses import mean_loss
from ..contracts.tensor_form import expect_plain
from .balancing import Balancing
from .blocks import Lesson, StepLessons
from .failure import Failure
from .parts import cut, mean_of_parts
from .second_pass import SecondPass
from .shard import shard, summed_losses
from .update import Update
from .whole_batch import WholeBatch, seen_as_batches


class StepLosses(NamedTuple):
    """Each task's mean loss before weighting, its balanced loss, and how many labels it had, all `[T]`."""

    losses: Tensor
    balanced: Tensor
    counts: Tensor


class Step:
    """Trains on one batch at a time, updating the composition's model and balancer.

    Of several `ranks` each computes its rows of the batch; losses and update are those of the whole.
    """

    def __init__(
        self, composition: Composition, update: Update, device: torch.device, ranks: Ranks = ALONE
    ) -> None:
        self._composition = composition
        self._update = update
        self._ranks = ranks
        self._of_samples: dict[tuple[str, ...], tuple[bool, ...]] = {}
        self.balancing = Balancing(composition.balancer, composition.model, device, ranks)
        self._device = device
        for composed in composition.tasks.values():
            composed.loss.to(device)
        weights = [composed.weight for composed in composition.tasks.values()]
        self.task_weights = torch.tensor(weights, device=device)
        self._weighs = any(weight != 1.0 for weight in weights)
        self._trained = self.task_weights > 0
        training = composition.recipe.train
        self._model: nn.Module = composition.model
        self._compiles = training.compile
        if training.compile:
            self._model = cast(nn.Module, torch.compile(composition.model))
        self._mixed = training.precision == "bf16"
        self._device_type = device.type

    def __call__(self, lessons: StepLessons, failure: Failure, closes: bool = True) -> StepLosses:
        """Update once from a step's lessons; without `closes` only keep its gradients, where they accumulate.

        The update is skipped on the device when a loss is not finite, or was in an earlier step of the epoch.
        """
        balancer = self._composition.balancer
        again = SecondPass(self._composition.model, self._device) if balancer.needs_new_losses else None
        losses, counts = self._losses(lessons) if balancer.parts == 1 else self._losses_of_parts(lessons)
        weighted = losses * self.task_weights if self._weighs else losses
        self._update.forget_gradients()
        if not balancer.constant:
            self._note_present(counts)
        balanced = self.balancing.backward(weighted)
        if balancer.needs_positive_losses:
            balanced = balanced.masked_fill((weighted < 0).view(-1, len(balanced)).any(dim=0), torch.nan)
        failure.note(balanced)
        self._update(failure.found, closes=closes)
        if balancer.parts > 1:
            losses, counts = mean_of_parts(losses, counts)
            weighted = losses * self.task_weights
        weighted = weighted.detach()
        balancer.post_step(weighted)
        if again is not None:
            with again.same_conditions():
                after = self._losses(lessons)[0] * self.task_weights
                balancer.post_update(weighted, after)
            if balancer.needs_positive_losses:
                # Told as a loss of this step: the update that made it negative was this one's.
                losses = torch.where(after < 0, after, losses)
                balanced = balanced.masked_fill(after < 0, torch.nan)
                failure.note(balanced)
        return StepLosses(losses.detach(), balanced, counts)

    def abandon(self) -> None:
        """Drop what a step left that did not come to its end, and the memory that it holds."""
        self._update.abandon()
        self.balancing.abandon()

    def _note_present(self, counts: Tensor) -> None:
        """Tell the balancer, without reading back, who takes part; `counts` is `[T]` or `[parts, T]`."""
        labels = counts if counts.dim() == 1 else counts.sum(dim=0)
        torch.logical_and(labels, self._trained, out=self._composition.balancer.present)

    def _losses_of_parts(self, lessons: StepLessons) -> tuple[Tensor, Tensor]:
        """Return losses and counts of each independent part of the batch, `[parts, T]`."""
        found = [self._losses(part) for part in cut(lessons, self.balancing.parts)]
        return torch.stack([losses for losses, _ in found]), torch.stack([counts for _, counts in found])

    def _losses(self, lessons: StepLessons) -> tuple[Tensor, Tensor]:
        composition = self._composition
        found: dict[str, Tensor] = {}
        for whole in lessons:
            raw, lesson = self._answer_own_rows(whole)
            for name in lesson.tasks:
                expect_plain(composition.model.head(name), "its answer is", raw[name])
            losses = {name: composition.tasks[name].loss for name in lesson.tasks}
            works = [
                partial(mean_loss, loss, raw[name], lesson.answers[name]) for name, loss in losses.items()
            ]
            # Targets lie there until the block is done.
            means = side_by_side(works, self._device, raw)
            for (name, loss), mean in zip(losses.items(), means, strict=True):
                expect_plain(loss, "what it gives is", mean)
                found[name] = mean
        own = torch.stack([found[name] for name in composition.tasks])
        return summed_losses(own, self._ranks), self._counts(lessons)

    def _counts(self, lessons: StepLessons) -> Tensor:
        """Return how many labels each task has, `[T]`."""
        names = tuple(self._composition.tasks)
        if len(lessons) == 1 and lessons[0].tasks == names:
            return lessons[0].counted()
        counts = {name: lesson.answers[name].count for lesson in lessons for name in lesson.tasks}
        return torch.stack([counts[name] for name in names])

    def _answer_own_rows(self, whole: Lesson) -> tuple[dict[str, Tensor], Lesson]:
        """Return the raw outputs for the rows of a lesson that are this process's, and these rows."""
        if self._ranks.alone:
            return self._answer(whole), whole
        rows = whole.rows or self._ranks.rows(len(whole.image))
        self.balancing.rows = rows
        self._composition.model.sharing.batch_share = rows.share
        lesson = whole if whole.rows is not None else shard(whole, rows)
        if whole.tasks not in self._of_samples:
            self._of_samples[whole.tasks] = seen_as_batches(self._composition.model, whole)
        with WholeBatch(self._ranks, rows, self._of_samples[whole.tasks]):
            return self._answer(lesson), lesson

    def _answer(self, lesson: Lesson) -> dict[str, Tensor]:
        """Return the raw outputs, float32; compiled and in mixed precision if the recipe says so."""
        if not (self._mixed or self._compiles):
            plain: dict[str, Tensor] = self._model(
                lesson.image, lesson.inputs, lesson.tasks, prepared=True, normalized=lesson.normalized
            )
            return plain
        # The losses are of float32 values whatever the model computed in.
        try:
            with torch.autocast(self._device_type, torch.bfloat16, enabled=self._mixed):
                raw = self._model(lesson.image, lesson.inputs, lesson.tasks, prepared=True)
        except torch._dynamo.exc.TorchDynamoException as error:
            raise ComponentError(
                f"the model cannot be compiled: {str(error).splitlines()[0]}", hint="leave train.compile out"
            ) from error
        return {name: value.float() for name, value in raw.items()}
