"""What a model answers to the first validation samples, drawn: one picture per task whose answer is one."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..composition.composition import Composition
from ..contracts import Described
from ..data.samples import Samples
from .evaluation import module_device, views_of
from .snapshots import SHOWN

Pixels = NDArray[np.uint8]


def answer_pictures(composition: Composition, validation: Samples) -> dict[str, Pixels]:
    """Return what was seen above what was answered, uint8 `[H, W, 3]`, by task; the model keeps its mode.

    Tasks whose answers are words and numbers have none.
    """
    if not validation.shape[1] or not any(form.drawing.pictured for form in composition.targets.values()):
        return {}
    model = composition.model
    first = validation.first(SHOWN).to(module_device(model))
    found, training = {}, model.training
    model.eval()
    try:
        with torch.inference_mode():
            for names, seen in views_of(composition, first, "validation"):
                raw = model(seen.image, seen.inputs, names, prepared=True)
                images = seen.image.mul(255).round().to(torch.uint8).cpu().numpy()
                for name in names:
                    form = composition.tasks[name].target
                    if form.drawing.pictured and name not in found:
                        predictions = form.predict(raw[name]).float().cpu().numpy()
                        found[name] = _rows(images, form.drawing.describe(predictions))
    finally:
        model.train(training)
    return found


def _rows(images: Pixels, answers: list[Described]) -> Pixels:
    """Return images `[B, C, H, W]` in a row, and the pictures of their answers below."""
    seen = [_coloured(image.transpose(1, 2, 0)) for image in images]
    drawn = [_coloured(said.pixels) for said in answers if said.pixels is not None]
    height, width = (max(size) for size in zip(*(item.shape[:2] for item in (*seen, *drawn)), strict=True))
    rows = [np.concatenate([_placed(item, height, width) for item in row], axis=1) for row in (seen, drawn)]
    return np.concatenate(rows, axis=0)


def _coloured(pixels: NDArray[np.uint8]) -> Pixels:
    """Return pixels `[H, W]`, `[H, W, 1]`, `[H, W, 2]` or `[H, W, 3]` with three channels."""
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    return planes[..., :3] if planes.shape[-1] >= 3 else np.repeat(planes[..., :1], 3, axis=-1)


def _placed(pixels: Pixels, height: int, width: int) -> Pixels:
    """Return pixels in the upper left of a white picture of a size."""
    canvas = np.full((height, width, 3), 255, dtype=np.uint8)
    canvas[: pixels.shape[0], : pixels.shape[1]] = pixels
    return canvas
