"""Image answers: target, what the model saw, output and their difference, one below the other."""

from __future__ import annotations

import math

import numpy as np

from .looks import Look
from .markup import Html, join, tag
from .pixels import Bytes, picture, to_bytes


def restorations(task: str, look: Look, limit: int) -> list[Html]:
    """Return a table of pictures, one column per sample, with the peak signal-to-noise ratio of each."""
    assert look.error is not None
    target = to_bytes(look.target)
    difference = np.abs(look.prediction - look.target)
    largest = float(difference.max())
    scaled = to_bytes(difference / largest) if largest > 0 else to_bytes(difference)
    same = look.seen.shape == target.shape and bool((look.seen == target).all())
    nothing: list[str | None] = [None] * len(look)
    before = nothing if same else [_ratio(error) for error in look.error[:, 0].tolist()]
    after = [_ratio(error) for error in look.error[:, 1].tolist()]
    rows = [_row("clean, also what the model sees" if same else "clean", target, nothing, limit)]
    if not same:
        rows.append(_row("what the model sees", look.seen, before, limit))
    rows.append(_row("output", to_bytes(look.prediction), after, limit))
    rows.append(_row("absolute difference", scaled, nothing, limit))
    header = tag("tr", tag("td", ""), *(tag("th", str(index + 1), scope="col") for index in range(len(look))))
    caption = tag("caption", f"{len(look)} test samples of {task}")
    grid = tag("table", caption, tag("thead", header), tag("tbody", *rows), class_="pictures")
    note = (
        "Decibels: peak signal-to-noise ratio against the clean image, sample by sample; more is better. "
        f"In the last row white is a difference of {largest:.2g}, the largest one here."
    )
    return [
        tag("div", grid, class_="scroll", tabindex=0, role="region", aria_label=f"Pictures of {task}"),
        tag("p", note, class_="note"),
    ]


def _row(title: str, images: Bytes, below: list[str | None], limit: int) -> Html:
    cells = []
    for index, (image, text) in enumerate(zip(images, below, strict=True)):
        alt = f"sample {index + 1}, {title}" + (f", {text}" if text else "")
        shown = picture(image, alt=alt, limit=limit)
        cells.append(tag("td", shown if text is None else join([shown, tag("span", text)])))
    return tag("tr", tag("th", title, scope="row"), *cells)


def _ratio(error: float) -> str | None:
    """Return the peak signal-to-noise ratio of images in 0..1, from their mean squared error."""
    if math.isnan(error):
        return None
    return "identical" if error == 0 else f"{-10 * math.log10(error):.1f} dB"
