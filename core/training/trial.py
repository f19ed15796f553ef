"""A step taken on a copy, to learn what a training would need; it leaves no trace in the training itself."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import torch

from ..base.device import in_use
from ..base.errors import UsageError
from ..composition.composition import Composition
from ..composition.memory_format import memory_format
from ..contracts.randomness import seeded_generators
from ..data.samples import Samples
from .blocks import Blocks, step_sizes
from .failure import Failure
from .step import Step
from .update import update_of


class Trial:
    """A copy of the composition, ready to take the same step again and again."""

    def __init__(
        self,
        composition: Composition,
        samples: Samples,
        device: torch.device,
        batch_size: int | None = None,
    ) -> None:
        chosen = memory_format(composition.recipe.train.channels_last)
        model = deepcopy(composition.model).to(device, memory_format=chosen)  # type: ignore[call-overload]
        balancer = deepcopy(composition.balancer).to(device)
        copied = replace(composition, model=model, balancer=balancer)
        update = update_of(copied)
        blocks = Blocks(copied, samples, device)
        size = min(len(samples), batch_size or composition.recipe.train.batch_size)
        blocks.restart(0, 0)
        self._lessons = blocks.lessons(torch.arange(size, device=samples.home), 0, 0)[0]
        self._step = Step(copied, update, device)
        self._failure = Failure(device)
        self._device = device
        self._freezing, self._model = composition.training.freezing, model
        self._last = composition.recipe.train.epochs

    def step(self) -> None:
        """Take the step, as in the last epoch: what is unfrozen in the course of the training is."""
        with in_use(self._device), self._freezing.in_epoch(self._model, self._last):
            self._step(self._lessons, self._failure)


def refuse_lone_samples(composition: Composition, samples: Samples, device: torch.device) -> None:
    """Raise `UsageError` when a step of one sample comes up and a layer needs more, before any is taken."""
    training = composition.recipe.train
    if min(step_sizes(len(samples), training.batch_size)) > 1:
        return
    plain = replace(composition.recipe, train=training.model_copy(update={"compile": False}))
    try:
        with seeded_generators(device):
            Trial(replace(composition, recipe=plain), samples, device, 1).step()
    except ValueError as error:
        # The words of torch's batch and instance normalisation.
        if "Expected more than 1" not in str(error):
            raise
        raise UsageError(
            f"a step of one sample cannot be trained: {error}",
            hint="the model normalises over the batch: raise train.batch_size, or add data",
        ) from None


def draws_from_torch(composition: Composition, samples: Samples, device: torch.device) -> bool:
    """Return whether a training step draws from torch's own generator on the CPU, as dropout does."""
    with seeded_generators(device) as seed:
        seed(0)
        before = torch.get_rng_state()
        Trial(composition, samples, device).step()
        return not torch.equal(before, torch.get_rng_state())
