"""What image tasks answer to the same few validation samples after chosen epochs, kept for the report.

One small file per chosen epoch in the run's folder `snapshots`: safetensors, uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor

from ..base.files import make_own_folder, read_bytes, reading, write_bytes
from ..base.tensors import to_safetensors
from ..composition.composition import Composition
from ..composition.views import target_of
from ..data.samples import Samples
from .evaluation import module_device, views_of

SHOWN = 6
"""Validation samples answered, always the first ones."""

_FOLDER = "snapshots"
_WITHOUT = "remove it: the report is made without it"
_MOST = 2**30
"""Bytes of a file that no snapshot comes near."""


def is_kept(epoch: int) -> bool:
    """Return whether an epoch, counted from 1, leaves a snapshot: 1, 2, 5, 10, 20, 50 and so on.

    >>> [epoch for epoch in range(1, 101) if is_kept(epoch)]
    [1, 2, 5, 10, 20, 50, 100]
    """
    power = 10 ** (len(str(epoch)) - 1)
    return epoch in (power, 2 * power, 5 * power)


def keep_snapshot(run: Path, composition: Composition, validation: Samples, epoch: int) -> None:
    """Keep the answers of image tasks after an epoch, when it is one to keep."""
    if is_kept(epoch) and (shown := show(composition, validation)):
        pixels = {name: item.answer.mul(255).round().to(torch.uint8) for name, item in shown.items()}
        folder = run / _FOLDER
        make_own_folder(folder)
        write_bytes(folder / f"epoch-{epoch:05d}.safetensors", to_safetensors(pixels))


def read_snapshots(run: Path, up_to: int) -> dict[int, dict[str, Tensor]]:
    """Return the kept answers by epoch, then task, of epochs 1 to `up_to`; empty when there are none.

    Raises `UsageError`, naming the file, when one is damaged.
    """
    found: dict[int, dict[str, Tensor]] = {}
    for path in sorted((run / _FOLDER).glob("epoch-*.safetensors")):
        with reading(path, "a snapshot", hint=_WITHOUT):
            epoch = int(path.stem.removeprefix("epoch-"))
            if epoch <= up_to:
                found[epoch] = load(read_bytes(path, "a snapshot", hint=_WITHOUT, most=_MOST))
                if any(item.dtype != torch.uint8 or item.dim() != 4 for item in found[epoch].values()):
                    raise ValueError("it holds no images")
    return found


@dataclass(frozen=True)
class Shown:
    """One image task on the first validation samples: what the model saw, the clean image, its answer.

    Float32 `[N, C, H, W]` in 0..1 on the CPU.
    """

    seen: Tensor
    clean: Tensor
    answer: Tensor


def show(composition: Composition, validation: Samples) -> dict[str, Shown]:
    """Return each image task on the first validation samples; the model is left in its mode."""
    if not any(target.is_image for target in composition.targets.values()):
        return {}
    model = composition.model
    first = validation.first(SHOWN).to(module_device(model))
    found = {}
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for names, seen in views_of(composition, first, "validation"):
                raw = model(seen.image, seen.inputs, names, prepared=True)
                for name in names:
                    composed = composition.tasks[name]
                    if composed.target.is_image:
                        clean = target_of(composed.task, seen)
                        answer = composed.target.predict(raw[name])
                        found[name] = Shown(seen.image.cpu(), clean.cpu(), answer.float().cpu())
    finally:
        model.train(training)
    return found
