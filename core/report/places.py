"""Answers that are points: over the samples, a ring where each is and a cross where it is said to be."""

from __future__ import annotations

import numpy as np
import torch

from ..contracts import Form
from ..contracts.marks import marked
from .first_samples import SHOWN, FirstSamples
from .markup import Html, join, tag
from .pixels import picture

_SIDE = 160
"""Pixels of a picture's longer side: marks need room."""


def places(task: str, form: Form, samples: FirstSamples) -> list[Html]:
    """Return a strip of the first samples with the points given and the true ones."""
    count = min(SHOWN, len(samples))
    sure = form.certain(torch.from_numpy(samples.target[:count])).numpy()
    given = form.drawing.describe(samples.prediction[:count])
    items = []
    for index in range(count):
        true = _visible(sure[index]) if samples.present[index] else []
        drawn = marked(samples.seen[index], _visible(samples.prediction[index]), true)
        lines = [
            picture(drawn.transpose(2, 0, 1), alt=f"points of test sample {index + 1}", limit=_SIDE),
            tag("span", given[index].text if samples.present[index] else "no label", class_="given"),
        ]
        items.append(tag("li", join(lines)))
    note = "A ring is where a point is, a cross of the same colour where the model puts it."
    return [
        tag("p", note, class_="note"),
        tag("ul", *items, class_="strip", aria_label=f"First test samples of {task}"),
    ]


def _visible(points: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[tuple[float, float] | None]:
    return [(x, y) if visible >= 0.5 else None for x, y, visible in points.tolist()]
