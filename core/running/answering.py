"""Answers of a trained model to pictures of any kind: arrays, tensors, files, Pillow's images."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..base.errors import UsageError
from ..base.files import read_bytes
from ..base.notebook import box
from ..base.shapes import BATCH, shown_shape
from ..composition.composition import Composition
from ..contracts import Described
from ..data.pictures import HINT, LARGEST_FILE, prepared_picture, silently
from .pictured import preparation_of

Pixels = NDArray[np.float32]

_AT_ONCE = 256
"""Pictures of one forward pass."""
_SHOWN = 12
"""Pictures that a notebook shows."""


class Answers(Mapping[str, NDArray[np.float32]]):
    """What a model answers, by task: probabilities, values, or pictures in 0..1, one row per picture.

    `images` are the pictures as the model read them, float32 `[B, C, H, W]` in 0..1; `described` says each
    answer in words, as `mtl predict` does. A notebook shows both.
    """

    def __init__(
        self,
        images: Pixels,
        values: Mapping[str, NDArray[np.float32]],
        described: Mapping[str, list[Described]],
    ) -> None:
        self.images = images
        self.described = described
        self._values = values

    def __getitem__(self, task: str) -> NDArray[np.float32]:
        return self._values[task]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def texts(self, task: str) -> list[str]:
        """Return each answer of a task in words."""
        return [said.text for said in self.described[task]]

    def __repr__(self) -> str:
        pictures = "1 picture" if len(self.images) == 1 else f"{len(self.images)} pictures"
        return f"Answers({pictures}: {', '.join(self)})"

    def _repr_html_(self) -> str:
        count = len(self.images)
        shown = min(count, _SHOWN)
        pictures = [_as_image(_coloured(image)) for image in _bytes(self.images[:shown])]
        rows = [("picture", pictures)]
        rows += [(task, [_cell(said) for said in self.described[task][:shown]]) for task in self]
        body = "".join(
            f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
            for name, cells in rows
        )
        more = f", the first {shown} of them below" if count > shown else ""
        return box("Answers", f"{count} pictures{more}", f"<table><tbody>{body}</tbody></table>")


def answer(
    composition: Composition,
    images: Any,
    inputs: Mapping[str, Any] | None = None,
    *,
    resize: bool = False,
) -> Answers:
    """Return what a composition's model answers to pictures (`Run.predict`)."""
    model = composition.model.eval()
    pixels = _pixels(composition, images, resize=resize)
    device = next(model.parameters()).device
    given = _inputs(composition, inputs or {}, len(pixels))
    parts: list[dict[str, Tensor]] = []
    with composition.at_work("when it answered"), torch.inference_mode():
        for first in range(0, len(pixels), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            batch = {name: values[some].to(device) for name, values in given.items()}
            answers = model.predict(torch.from_numpy(pixels[some]).to(device), batch)
            parts.append({name: value.float().cpu() for name, value in answers.items()})
    found = {name: torch.cat([part[name] for part in parts]).numpy() for name in composition.tasks}
    described = {name: form.drawing.describe(found[name]) for name, form in composition.targets.items()}
    return Answers(pixels, found, described)


def _inputs(composition: Composition, given: Mapping[str, Any], count: int) -> dict[str, Tensor]:
    """Return what a model reads beside pictures; raise `UsageError` where it does not fit."""
    wanted = {spec.name: spec for spec in composition.inputs}
    if wanted.keys() != given.keys():
        names, got = (", ".join(sorted(found)) or "none" for found in (wanted, given))
        raise UsageError(
            f"the model reads these inputs beside pictures: {names}; got {got}",
            hint="run.predict(images, inputs={NAME: one row per picture})",
        )
    found = {}
    for name, spec in wanted.items():
        values = torch.as_tensor(np.asarray(given[name])).to(getattr(torch, spec.dtype))
        if values.shape != (count, *spec.shape):
            raise UsageError(
                f"input {name!r} must be {[count, *spec.shape]}, got {list(values.shape)}",
                hint="one row per picture",
            )
        found[name] = values
    return found


def _pixels(composition: Composition, images: Any, *, resize: bool) -> Pixels:
    """Return pictures as a model reads them, float32 `[B, C, H, W]` in 0..1."""
    spec = composition.dataset_spec.image
    if not spec:
        raise UsageError(
            "the model reads no pictures",
            hint="run.model.predict(image, inputs) takes tensors; see: help(Run.model)",
        )
    if isinstance(images, str | Path | Image.Image):
        images = [images]
    if isinstance(images, Sequence) and len(images) and isinstance(images[0], str | Path | Image.Image):
        preparation = preparation_of(composition)
        with silently():
            read = [
                prepared_picture(*_content(item, place), preparation, resize=resize)[0]
                for place, item in enumerate(images)
            ]
        return _in_one(np.stack(read), spec.shape)
    values = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    return _in_one(values, spec.shape)


def _content(item: Any, place: int) -> tuple[bytes, str]:
    """Return a picture as the bytes of a file, and what messages call it."""
    if isinstance(item, Image.Image):
        stream = BytesIO()
        item.save(stream, format="PNG")
        return stream.getvalue(), f"picture {place}"
    if not isinstance(item, str | Path):
        raise UsageError(
            f"picture {place} is of type {type(item).__name__}, the first is a file or a picture"
        )
    return read_bytes(Path(item), "an image", hint=HINT, most=LARGEST_FILE), str(item)


def _in_one(values: NDArray[Any], shape: tuple[int, ...]) -> Pixels:
    """Return an array of one picture or many, uint8 or in 0..1, as float32 `[B, C, H, W]`."""
    if values.shape == shape:
        values = values[None]
    if values.ndim != 4 or values.shape[1:] != shape or not len(values):
        raise UsageError(
            f"pictures must be {shown_shape([BATCH, *shape])}, got {shown_shape(values.shape)}",
            hint="channels first; picture files of any size: run.predict(paths, resize=True)",
        )
    if values.dtype == np.uint8:
        return np.asarray(values.astype(np.float32) / np.float32(255), dtype=np.float32)
    found = np.ascontiguousarray(values, dtype=np.float32)
    low, high = float(found.min()), float(found.max())
    if not (low >= 0.0 and high <= 1.0):
        raise UsageError(
            f"pictures lie in 0..1, these in {low:.4g}..{high:.4g}", hint="give uint8, or divide by 255"
        )
    return found


def _bytes(images: Pixels) -> NDArray[np.uint8]:
    return np.asarray(np.rint(images * 255), dtype=np.uint8)


def _coloured(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `[C, H, W]` as `[H, W]` or `[H, W, 3]`."""
    return image.transpose(1, 2, 0) if image.shape[0] == 3 else image[0]


def _cell(said: Described) -> str:
    words = html.escape(said.text)
    return words if said.pixels is None else f"{_as_image(said.pixels)}<br>{words}"


def _as_image(pixels: NDArray[np.uint8]) -> str:
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG")
    content = base64.b64encode(stream.getvalue()).decode()
    width = max(64, min(160, pixels.shape[1]))
    return f'<img width="{width}" alt="" src="data:image/png;base64,{content}">'
