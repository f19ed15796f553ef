"""The ways to train a job that are compared; each takes `run(steps)` and does that many updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from PIL import Image as Pictures
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from mtl.core.composition.memory_format import memory_format
from mtl.core.data.samples import Samples, Splits, load_splits
from mtl.core.training.blocks import Blocks
from mtl.core.training.failure import Failure
from mtl.core.training.trainer import Trainer
from mtl.core.training.update import update_of
from mtl.plugins.forms import Binary, Categorical, Image
from mtl.plugins.layers import ELU

from .jobs import Job

SAMPLES = 2000


class Contender(Protocol):
    """Something that trains a job."""

    def run(self, steps: int) -> None:
        """Do so many updates, and wait for them."""


def samples_of(job: Job, count: int, device: torch.device) -> Splits:
    """Return the job's synthetic data with exactly `count` training samples."""
    splits = load_splits(job.compose().dataset, validation=0.1, split_seed=0)
    whole = splits.train
    order = torch.arange(count) % len(whole)
    train = Samples(whole.image[order], {name: column[order] for name, column in whole.labels.items()})
    return Splits(train, splits.validation, splits.test).to(device)


def wait(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Ours:
    """(c) mtl's own trainer, in the memory format of its rule; `steps` must be the same every time."""

    def __init__(self, job: Job, device: torch.device, steps: int, **train: Any) -> None:
        composition = job.compose(train=train)
        splits = samples_of(job, steps * job.batch_size, device)
        self.trainer = Trainer(composition, splits, device)
        self._device = device

    def run(self, steps: int) -> None:
        self.trainer.train_epoch()
        wait(self._device)


class Limit:
    """(d) Forward, backward and fused update on one resident batch: no views, no metrics, no bookkeeping.

    On CUDA it is a captured graph, replayed.
    """

    def __init__(self, job: Job, device: torch.device, channels_last: bool) -> None:
        composition = job.compose(train={"channels_last": channels_last})
        chosen = memory_format(channels_last)
        self._model = composition.model.to(device, memory_format=chosen).train()
        self._losses = {name: composed.loss.to(device) for name, composed in composition.tasks.items()}
        blocks = Blocks(composition, samples_of(job, job.batch_size, device).train, device)
        blocks.restart(0, 0)
        self._looks = blocks.lessons(torch.arange(job.batch_size, device=device), 0, 0)[0]
        self._update = update_of(composition)
        self._skip = Failure(device).found
        self._device = device
        self._graph = self._capture() if device.type == "cuda" else None

    def run(self, steps: int) -> None:
        for _ in range(steps):
            if self._graph is None:
                self._step()
            else:
                self._graph.replay()
        wait(self._device)

    def _step(self) -> None:
        losses = []
        for look in self._looks:
            raw = self._model(look.image, look.inputs, look.tasks, prepared=True)
            losses += [self._losses[name](raw[name], look.answers[name].target).mean() for name in look.tasks]
        self._update.forget_gradients()
        torch.stack(losses).sum().backward()
        self._update(self._skip)

    def _capture(self) -> torch.cuda.CUDAGraph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph


class _PerSample(Dataset[tuple[Tensor, Tensor, int]]):
    """Images through PIL and per-sample transforms, as tutorials write it: (seen, clean, index)."""

    def __init__(self, samples: Samples, noise: bool, turn: bool) -> None:
        from torchvision.transforms import ToTensor

        self._pixels = samples.image.cpu().permute(0, 2, 3, 1).squeeze(-1).numpy()
        self._transform = ToTensor()
        self._noise = noise
        self._turn = turn

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int, int]:  # type: ignore[override]
        clean = self._transform(Pictures.fromarray(self._pixels[index]))
        turns = int(torch.randint(4, ())) if self._turn else 0
        if turns:
            clean = torch.rot90(clean, turns, (-2, -1))
        seen = (clean + 0.1 * torch.randn_like(clean)).clamp(0.0, 1.0) if self._noise else clean
        return seen, clean, index, turns


class Usual:
    """(a) The usual loop: DataLoader, per-sample transforms, torch's own layers, `.item()` in every step."""

    def __init__(self, job: Job, device: torch.device, workers: int) -> None:
        composition = job.compose()
        self._tasks = composition.tasks
        self._model = _with_torchs_own_layers(composition.model).to(device).train()
        self._samples = samples_of(job, max(SAMPLES, 4 * job.batch_size), torch.device("cpu")).train
        names = {choice.name: choice.task.name for choice in composition.recipe.tasks}
        self._kinds = names
        data = _PerSample(self._samples, "denoise" in names.values(), "rotation" in names.values())
        self._loader = DataLoader(
            data, job.batch_size, shuffle=True, num_workers=workers, drop_last=True,
            persistent_workers=workers > 0, pin_memory=device.type == "cuda",
        )  # fmt: skip
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=1e-3)
        self._batches = self._forever()
        self._device = device
        self._size = job.batch_size
        self.running: dict[str, float] = {}

    def run(self, steps: int) -> None:
        for _ in range(steps):
            seen, clean, index, turns = next(self._batches)
            targets = self._targets(clean, index, turns)
            output = self._model(seen.to(self._device), prepared=True)
            losses = {name: self._loss(name, output[name], targets[name]) for name in self._tasks}
            self._optimizer.zero_grad()
            sum(losses.values(), torch.zeros((), device=self._device)).backward()
            self._optimizer.step()
            for name, loss in losses.items():
                self.running[name] = self.running.get(name, 0.0) + loss.item()
                right = self._right(name, output[name], targets[name])
                self.running[f"{name}/right"] = self.running.get(f"{name}/right", 0.0) + right
        wait(self._device)

    def evaluate(self, samples: int) -> None:
        """Judge about so many samples batch by batch."""
        for _ in range(-(-samples // self._size)):
            seen, clean, index, turns = next(self._batches)
            targets = self._targets(clean, index, turns)
            output = self._model(seen.to(self._device), prepared=True)
            for name in self._tasks:
                self._loss(name, output[name], targets[name]).item()
                self._right(name, output[name], targets[name])

    def _forever(self) -> Iterator[list[Tensor]]:
        while True:
            yield from self._loader

    def _targets(self, clean: Tensor, index: Tensor, turns: Tensor) -> dict[str, Tensor]:
        from mtl.core.contracts.batch import Batch

        labels = {name: column[index] for name, column in self._samples.labels.items()}
        batch = Batch(clean, {**labels, "rotation:turns": turns})
        return {name: composed.task.target(batch).to(self._device) for name, composed in self._tasks.items()}

    def _loss(self, name: str, raw: Tensor, target: Tensor) -> Tensor:
        spec = self._tasks[name].target
        if isinstance(spec, Categorical):
            return F.cross_entropy(raw, target)
        if isinstance(spec, Binary):
            return F.binary_cross_entropy_with_logits(raw, target.float())
        return F.mse_loss(raw, target)

    def _right(self, name: str, raw: Tensor, target: Tensor) -> float:
        spec = self._tasks[name].target
        if isinstance(spec, Categorical):
            return (raw.argmax(1) == target).sum().item()
        if isinstance(spec, Binary):
            return ((raw > 0) == target.bool()).sum().item()
        return (raw - target).abs().mean().item() if isinstance(spec, Image) else 0.0


def _with_torchs_own_layers(model: nn.Module) -> nn.Module:
    """Return the model with `nn.ELU` instead of mtl's faster one: whoever writes a loop writes that."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, ELU):
                setattr(module, name, nn.ELU())
    return model
