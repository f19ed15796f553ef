"""What fits into a device's memory, and what would."""

from __future__ import annotations

import gc

import torch

from ..base.device import is_out_of_memory
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
