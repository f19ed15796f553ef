"""Whether a training is faster with the channels innermost: tried on a copy, on this machine."""

from __future__ import annotations

import platform
import time
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch

from ..cache import remember, remembered
from ..composition import Composition
from ..data import Samples
from ..randomness import seeded_generators
from .blocks import Blocks
from .execution import Execution
from .failure import Failure
from .step import Step
from .update import Update

WORTHWHILE = 200
"""Updates below which a training is over before a trial would have paid."""

ROUNDS = 5
SECONDS = 1.0
"""A trial ends after so many rounds, or when so much time is spent."""

GAIN = 0.97
"""Share of the usual format's time below which the other is taken: chance must not decide near ties."""


def settle(composition: Composition, samples: Samples, device: torch.device) -> Execution:
    """Return how to train: as the recipe says, else as a trial finds faster.

    What a trial found is remembered for this model, batch size, machine and torch, so that the same command
    gives the same numbers again.
    """
    wanted = composition.recipe.train.channels_last
    if wanted is not None:
        return Execution(channels_last=wanted)
    if not worth_a_trial(composition, samples):
        return Execution()
    key = _circumstances(composition, device)
    known = remembered("memory-format", key)
    if known is not None:
        return Execution.from_json(known)
    times = time_formats(composition, samples, device)
    milliseconds = {name: round(1000 * seconds, 3) for name, seconds in times.items()}
    found = Execution(choose(times), milliseconds)
    remember("memory-format", key, found.to_json())
    return found


def _circumstances(composition: Composition, device: torch.device) -> dict[str, Any]:
    """Return everything that decides which format is faster, as JSON values."""
    plain = composition.recipe.portable()
    parts = ("augmentations", "views", "encoder", "sharing", "tasks", "balancer")
    training = composition.recipe.train
    cuda = device.type == "cuda"
    return {
        **{name: plain[name] for name in parts},
        "image": composition.dataset_spec.image.shape,
        "training": [training.batch_size, training.optimizer, training.precision, training.compile],
        "device": torch.cuda.get_device_name(device) if cuda else torch.backends.cpu.get_cpu_capability(),
        "machine": [platform.machine(), platform.node(), torch.get_num_threads()],
        "torch": torch.__version__,
    }


def worth_a_trial(composition: Composition, samples: Samples) -> bool:
    """Return whether the memory format can matter: there are convolutions, and enough steps to gain by it."""
    training = composition.recipe.train
    updates = training.epochs * -(-len(samples) // training.batch_size)
    return updates >= WORTHWHILE and any(item.dim() == 4 for item in composition.model.parameters())


def time_formats(composition: Composition, samples: Samples, device: torch.device) -> dict[str, float]:
    """Return the seconds of a training step by memory format, `contiguous` and `channels_last`.

    Steps of copies of the model take turns, so that a busy machine slows both alike; the least time counts.
    """
    trials = {
        name: Trial(composition, samples, device, Execution(channels_last=name == "channels_last"))
        for name in ("contiguous", "channels_last")
    }
    found: dict[str, list[float]] = {name: [] for name in trials}
    # Layers such as dropout must not move the caller's generators.
    with seeded_generators(device):
        for trial in trials.values():
            trial.step()
        started = time.perf_counter()
        for _ in range(ROUNDS):
            for name, trial in trials.items():
                found[name].append(trial.step())
            if time.perf_counter() - started > SECONDS:
                break
    return {name: min(times) for name, times in found.items()}


def choose(times: dict[str, float]) -> bool:
    """Return whether `channels_last` is clearly faster.

    >>> choose({"contiguous": 1.0, "channels_last": 0.5}), choose({"contiguous": 1.0, "channels_last": 0.99})
    (True, False)
    """
    return times["channels_last"] < GAIN * times["contiguous"]


class Trial:
    """A copy of the composition, ready to take the same step again and again."""

    def __init__(
        self,
        composition: Composition,
        samples: Samples,
        device: torch.device,
        execution: Execution,
        batch_size: int | None = None,
    ) -> None:
        model = deepcopy(composition.model).to(device, memory_format=execution.memory_format)  # type: ignore[call-overload]
        balancer = deepcopy(composition.balancer).to(device)
        copied = replace(composition, model=model.train(), balancer=balancer)
        update = Update([*model.parameters(), *balancer.parameters()], composition.recipe.train)
        blocks = Blocks(copied, samples, device, execution.memory_format)
        size = min(len(samples), batch_size or composition.recipe.train.batch_size)
        blocks.restart(0, 0)
        self._looks = blocks.looks(torch.arange(size, device=samples.home), 0, 0)[0]
        self._step = Step(copied, update, device)
        self._failure = Failure(device)
        self._device = device

    def step(self) -> float:
        """Take the step and return its seconds."""
        self._wait()
        started = time.perf_counter()
        self._step(self._looks, self._failure)
        self._wait()
        return time.perf_counter() - started

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def draws_from_torch(composition: Composition, samples: Samples, device: torch.device) -> bool:
    """Return whether a training step draws from torch's own generator on the CPU, as dropout does."""
    with seeded_generators(device) as seed:
        seed(0)
        before = torch.get_rng_state()
        Trial(composition, samples, device, Execution()).step()
        return not torch.equal(before, torch.get_rng_state())
