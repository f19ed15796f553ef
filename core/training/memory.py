"""What fits into a device's memory, and what would."""

from __future__ import annotations

import gc

import torch

from ..base.device import is_out_of_memory
from ..base.errors import MissingRequirementError
from ..composition.composition import Composition
from ..data.samples import Samples
from .trial import Trial

SHARE = 0.6
"""Part of a device's free memory that resident data may take; the model needs the rest."""


def fits(size: int, device: torch.device) -> bool:
    """Return whether data of `size` bytes may lie on the device; on the CPU it lies there already."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size <= SHARE * free


def exhausted(
    composition: Composition, samples: Samples, device: torch.device, kept: str = ""
) -> MissingRequirementError:
    """Return the error of a training for which memory ran out: with the batch size that would fit.

    `kept` is added to the hint. Not to be called before the error is gone that said so: it holds on to what
    the step had in memory.
    """
    size = composition.recipe.train.batch_size
    fitting = largest_batch(composition, samples, device)
    advice = f"--set train.batch_size={fitting} fits" if fitting else "choose a smaller encoder"
    return MissingRequirementError(
        f"out of memory on {device} with batches of {size}{_held_by_others(device)}", hint=advice + kept
    )


def _held_by_others(device: torch.device) -> str:
    """Say what other processes hold of a card, where that is more than a little of it."""
    if device.type != "cuda":
        return ""
    free, whole = torch.cuda.mem_get_info(device)
    others = whole - free - torch.cuda.memory_reserved(device)
    return f" ({others / 2**30:.1f} of its {whole / 2**30:.1f} GiB are not this process's)" * (
        others > whole // 10
    )


def largest_batch(composition: Composition, samples: Samples, device: torch.device) -> int | None:
    """Return the largest half, quarter, ... of the recipe's batch size with which a step fits; None: none."""
    size = min(composition.recipe.train.batch_size, len(samples)) // 2
    while size:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
        try:
            Trial(composition, samples, device, size).step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            size //= 2
            continue
        return size
    return None
