"""How bright training pictures are, and of what contrast: what an exported file compares others with."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from .samples import Samples

KEY = "training_pictures"
"""The name of the statistics in the metadata of an exported file."""

MOST = 4096
"""Pictures that are looked at, evenly from the whole split."""

_PERCENT = (1, 99)
_PIXELS = 1 << 20


def picture_statistics(train: Samples) -> dict[str, list[float]]:
    """Return between what the mean (`brightness`) and the deviation (`contrast`) of 98 % of the pictures lie.

    Of all values of a picture, in 0..1. The same pictures give the same numbers on every machine: what is
    summed is whole.
    """
    count = min(len(train), MOST)
    chosen = torch.arange(count, device=train.home) * len(train) // count
    size = prod(train.shape)
    # Made once: small results between large blocks that come and go leave holes in the heap.
    sums, squares = torch.empty((2, count), dtype=torch.int64, device=train.home)
    start = 0
    for indices in chosen.split(max(1, _PIXELS // size)):
        pixels = train.pixels(indices).flatten(1).to(torch.int32)
        stop = start + len(pixels)
        torch.sum(pixels, dim=1, out=sums[start:stop])
        torch.sum(pixels.square_(), dim=1, out=squares[start:stop])
        start = stop
    mean = sums.cpu().numpy() / size
    deviation = np.sqrt(np.maximum(squares.cpu().numpy() / size - mean**2, 0.0))
    return {"brightness": _between(mean), "contrast": _between(deviation)}


def size_statistics(sizes: Sequence[tuple[int, int]]) -> dict[str, list[float]]:
    """Return between what the `height` and `width` of 98 % of picture files lie, and their ratio `aspect`.

    The aspect is width by height. Nothing where there are no files.

    >>> size_statistics([(10, 20), (10, 20)])
    {'height': [10.0, 10.0], 'width': [20.0, 20.0], 'aspect': [2.0, 2.0]}
    """
    if not sizes:
        return {}
    height, width = np.array(sizes, dtype=np.float64).T
    measured = {"height": height, "width": width, "aspect": width / height}
    return {
        name: [round(float(value), 4) for value in np.percentile(values, _PERCENT)]
        for name, values in measured.items()
    }


def _between(values: np.ndarray) -> list[float]:
    return [round(float(value) / 255, 4) for value in np.percentile(values, _PERCENT)]
