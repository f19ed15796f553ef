"""Answers of any form, in the words that its drawing has: samples with what is said and what is true."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..contracts import Form
from .first_samples import SHOWN, FirstSamples
from .markup import Html, join, tag
from .pixels import picture, to_bytes


def described(task: str, form: Form, samples: FirstSamples, limit: int) -> list[Html]:
    """Return a strip of the first samples with the answers given and the true ones."""
    count = min(SHOWN, len(samples))
    sure = form.certain(torch.from_numpy(samples.target[:count])).numpy()
    given = form.drawing.describe(samples.prediction[:count])
    true = form.drawing.describe(sure)
    items = []
    for index in range(count):
        lines = [
            picture(samples.seen[index], alt=f"test sample {index + 1}", limit=limit),
            *(
                tag("span", f"{name} = {value[index]}", class_="given")
                for name, value in samples.inputs.items()
            ),
            *_drawn(given[index].pixels, f"answer to test sample {index + 1}", limit),
            tag("strong", given[index].text),
            tag(
                "span", f"true: {true[index].text}" if samples.present[index] else "no label", class_="given"
            ),
        ]
        items.append(tag("li", join(lines)))
    return [tag("ul", *items, class_="strip", aria_label=f"First test samples of {task}")]


def _drawn(pixels: NDArray[np.uint8] | None, alt: str, limit: int) -> list[Html]:
    if pixels is None:
        return []
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return [picture(to_bytes(planes / 255), alt=alt, limit=limit)]
