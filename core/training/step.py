"""One step of training: gather, views, forward, losses, balance, update. Nothing is read back."""

from __future__ import annotations

import torch
from torch import Tensor

from ..composition import Composition
from ..data import Samples
from ..losses import masked_loss
from ..randomness import StepRandom
from ..views import augment, plan_views
from .balancing import Balancing
from .failure import Failure


class Step:
    """Trains on one batch of `samples` at a time, updating the composition's model and balancer."""

    def __init__(
        self,
        composition: Composition,
        samples: Samples,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
    ) -> None:
        self._composition = composition
        self._samples = samples
        self._optimizer = optimizer
        self._device = device
        self._tasks = {name: composed.task for name, composed in composition.tasks.items()}
        self._views = plan_views(self._tasks, composition.recipe.views)
        self._balancing = Balancing(composition.balancer, composition.model.sharing.shared_parameters())
        self.task_weights = torch.tensor(
            [composed.weight for composed in composition.tasks.values()], device=device
        )

    def __call__(self, indices: Tensor, epoch: int, step: int, failure: Failure) -> tuple[Tensor, Tensor]:
        """Update once from the samples at `indices` `[B]`; return losses and label counts, both `[T]`.

        The losses are each task's mean before weighting. The update is skipped on the device when one is
        not finite, or was in an earlier step of the epoch.
        """
        losses, counts = self._losses(indices, epoch, step)
        self._update(losses, step, failure)
        return losses.detach(), counts

    def _losses(self, indices: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        composition = self._composition
        random = StepRandom(len(indices), self._device, composition.recipe.seed, "train", epoch, step)
        batch = augment(self._samples.batch(indices), composition.augmentations, random)
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for view in self._views:
            seen = view.look(batch, self._tasks, random)
            raw = composition.model(seen.image, seen.inputs, view.tasks, prepared=True)
            for name in view.tasks:
                target = self._tasks[name].target(seen.clean)
                found[name] = masked_loss(composition.tasks[name].loss, raw[name], target)
        ordered = [found[name] for name in self._tasks]
        return torch.stack([loss for loss, _ in ordered]), torch.stack([count for _, count in ordered])

    def _update(self, losses: Tensor, step: int, failure: Failure) -> None:
        weighted = losses * self.task_weights
        self._optimizer.zero_grad(set_to_none=True)
        failure.note(self._balancing.backward(weighted), step)
        # A fused optimizer skips the update on the device where this flag is 1: no reading back.
        self._optimizer.found_inf = failure.found  # type: ignore[attr-defined]
        self._optimizer.step()
        self._composition.balancer.post_step(weighted.detach())
