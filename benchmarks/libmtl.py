"""(b) LibMTL's own trainer at equal work: same encoder, heads, losses, data; CUDA only, as it is written.

It is no dependency: `pip download LibMTL --no-deps`, unpack, and put the folder into PYTHONPATH. Version
1.1.5 asks its loader's iterator for `.next()`, which torch no longer has; `_process_data` is therefore
replaced by the same lines with `next(...)`. It also imports `torchvision.models.utils`, which is gone: a
stand-in has the one function it takes from there. Hard sharing and the plain sum (its equal weights) are
compared.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mtl.core.contracts.batch import Features

from .contenders import Usual, wait
from .jobs import Job


def available(job: Job) -> bool:
    """Return whether LibMTL is here and the job is one that both can do."""
    return find_spec("LibMTL") is not None and job.sharing == "hard" and job.balancer == "sum"


def stand_in() -> None:
    """Put a module in the place of `torchvision.models.utils`, where there is none."""
    name = "torchvision.models.utils"
    if name in sys.modules or find_spec(name) is not None:
        return
    module = ModuleType(name)
    module.load_state_dict_from_url = torch.hub.load_state_dict_from_url  # type: ignore[attr-defined]
    sys.modules[name] = module


class LibMTL:
    """Trains epochs of `steps` batches with LibMTL's `Trainer.train`."""

    def __init__(self, job: Job, device: torch.device) -> None:
        stand_in()
        from LibMTL import Trainer
        from LibMTL.architecture import HPS
        from LibMTL.loss import AbsLoss
        from LibMTL.metrics import AbsMetric
        from LibMTL.weighting import EW

        usual = Usual(job, device, 0)
        composition = job.compose()
        model = composition.model.to(device)

        class Encoder(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.normalization, self.sharing = model.normalization, model.sharing

            def forward(self, image: Tensor) -> Features:
                stages = self.sharing(self.normalization(image), {}, model.tasks)
                return Features(stages[model.tasks[0]], image, {})

        def loss_of(task: str) -> Any:
            class Loss(AbsLoss):  # type: ignore[misc]
                def compute_loss(self, pred: Tensor, gt: Tensor) -> Tensor:
                    return usual._loss(task, pred, gt)

            return Loss()

        class Error(AbsMetric):  # type: ignore[misc]
            def update_fun(self, pred: Tensor, gt: Tensor) -> None:
                self.record.append(pred.detach().float().mean().item())

            def score_fun(self) -> list[float]:
                return [sum(self.record) / max(1, len(self.record))]

        class Mended(Trainer):  # type: ignore[misc]
            def _process_data(self, loader: Any) -> tuple[Tensor, dict[str, Tensor]]:
                try:
                    data, label = next(loader[1])
                except StopIteration:
                    loader[1] = iter(loader[0])
                    data, label = next(loader[1])
                data = data.to(self.device, non_blocking=True)
                return data, {name: label[name].to(self.device, non_blocking=True) for name in self.task_name}

            def test(self, *_: Any, **__: Any) -> None:
                """Only training is measured."""

        tasks = {
            name: {"metrics": ["error"], "metrics_fn": Error(), "loss_fn": loss_of(name), "weight": [0]}
            for name in model.tasks
        }
        self._trainer = Mended(
            task_dict=tasks, weighting=EW, architecture=HPS, encoder_class=Encoder,
            decoders=nn.ModuleDict({name: model.head(name) for name in model.tasks}), rep_grad=False,
            multi_input=False, optim_param={"optim": "adam", "lr": 1e-3}, scheduler_param=None,
            weight_args={}, arch_args={},
        )  # fmt: skip
        self._usual = usual
        self._device = device

    def run(self, steps: int) -> None:
        self._trainer.train(_Batches(self._usual, steps), None, 1)
        wait(self._device)


class _Batches:
    """So many batches of the usual loop's loader, in the form LibMTL wants: (image, targets by task)."""

    def __init__(self, usual: Usual, steps: int) -> None:
        self._usual = usual
        self._steps = steps
        self.loader: DataLoader[Any] = usual._loader

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Any:
        for _ in range(self._steps):
            seen, clean, index, turns = next(self._usual._batches)
            yield seen, self._usual._targets(clean, index, turns)
