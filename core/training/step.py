"""One step of training: forward, losses, balance, update. Nothing is read back."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..composition import Composition
from ..losses import mean_loss
from .balancing import Balancing
from .blocks import StepLooks
from .failure import Failure
from .update import Update


class StepLosses(NamedTuple):
    """Each task's mean loss before weighting, its balanced loss, and how many labels it had, all `[T]`."""

    losses: Tensor
    balanced: Tensor
    counts: Tensor


class Step:
    """Trains on one batch at a time, updating the composition's model and balancer."""

    def __init__(self, composition: Composition, update: Update, device: torch.device) -> None:
        self._composition = composition
        self._update = update
        self._balancing = Balancing(composition.balancer, composition.model.sharing.shared_parameters())
        weights = [composed.weight for composed in composition.tasks.values()]
        self.task_weights = torch.tensor(weights, device=device)
        self._weighs = any(weight != 1.0 for weight in weights)

    def __call__(self, looks: StepLooks, failure: Failure) -> StepLosses:
        """Update once from a step's looks.

        The update is skipped on the device when a loss is not finite, or was in an earlier step of the epoch.
        """
        losses, counts = self._losses(looks)
        weighted = losses * self.task_weights if self._weighs else losses
        self._update.forget_gradients()
        balanced = self._balancing.backward(weighted)
        failure.note(balanced.sum())
        self._update(failure.found)
        self._composition.balancer.post_step(weighted.detach())
        return StepLosses(losses.detach(), balanced, counts)

    def _losses(self, looks: StepLooks) -> tuple[Tensor, Tensor]:
        composition = self._composition
        found: dict[str, Tensor] = {}
        counts: dict[str, Tensor] = {}
        for look in looks:
            raw = composition.model(look.image, look.inputs, look.tasks, prepared=True)
            for name in look.tasks:
                answers = look.answers[name]
                found[name] = mean_loss(composition.tasks[name].loss, raw[name], answers)
                counts[name] = answers.count
        names = composition.tasks
        return torch.stack([found[name] for name in names]), torch.stack([counts[name] for name in names])
