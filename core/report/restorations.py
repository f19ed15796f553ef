"""Image answers: target, what the model saw, output and their difference, one below the other."""

from __future__ import annotations

import math

import numpy as np

from .first_samples import FirstSamples
from .markup import Html, tag
from .picture_rows import Row, picture_rows
from .pixels import to_bytes


def restorations(task: str, samples: FirstSamples, limit: int) -> list[Html]:
    """Return a table of pictures, one column per sample, with the peak signal-to-noise ratio of each."""
    assert samples.error is not None
    target = to_bytes(samples.target)
    difference = np.abs(samples.prediction - samples.target)
    largest = float(difference.max())
    scaled = to_bytes(difference / largest) if largest > 0 else to_bytes(difference)
    same = samples.seen.shape == target.shape and bool((samples.seen == target).all())
    rows = [Row("clean, also what the model sees" if same else "clean", target)]
    if not same:
        before = [_ratio(error) for error in samples.error[:, 0].tolist()]
        rows.append(Row("what the model sees", samples.seen, before))
    after = [_ratio(error) for error in samples.error[:, 1].tolist()]
    rows.append(Row("output", to_bytes(samples.prediction), after))
    rows.append(Row("absolute difference", scaled))
    note = (
        "Decibels: peak signal-to-noise ratio against the clean image, sample by sample; more is better. "
        f"In the last row white is a difference of {largest:.2g}, the largest one here."
    )
    return [tag("div", picture_rows(task, rows, limit), tag("p", note, class_="note"))]


def _ratio(error: float) -> str | None:
    """Return the peak signal-to-noise ratio of images in 0..1, from their mean squared error."""
    if math.isnan(error):
        return None
    return "identical" if error == 0 else f"{-10 * math.log10(error):.1f} dB"
