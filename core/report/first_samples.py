"""The model's answers to the first samples of the test split, on the device and brought back once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..composition.composition import Composition
from ..data.samples import Samples
from ..evaluation.evaluation import module_device, views_of
from .pixels import Bytes, to_bytes

SHOWN = 8
"""Samples shown as pictures, and the size of a batch."""

_COLUMNS = 8
"""Columns of vectors shown beside a sample."""

_MOST, _PIXELS = 512, 2**20
"""Samples answered for scatter plots and mistakes: so many, and fewer when images are large."""


@dataclass(frozen=True)
class FirstSamples:
    """One task on the first test samples.

    `seen` is what the model saw (uint8 `[N, C, H, W]`), `target` and `prediction` the task's, `present`
    whether a sample has the label, `inputs` its own extra inputs and the first columns of vectors, these in
    words. For tasks with pixels N is at most 8.
    """

    seen: Bytes
    target: NDArray[Any]
    prediction: NDArray[Any]
    present: NDArray[np.bool_]
    inputs: Mapping[str, NDArray[Any]]
    error: NDArray[Any] | None = None
    """Image tasks: each sample's mean squared error of the input and of the output, `[N, 2]`."""

    def __len__(self) -> int:
        return len(self.target)

    def only(self, count: int) -> FirstSamples:
        """Return the first of them."""
        return FirstSamples(
            self.seen[:count],
            self.target[:count],
            self.prediction[:count],
            self.present[:count],
            {name: values[:count] for name, values in self.inputs.items()},
            None if self.error is None else self.error[:count],
        )


def first_samples(composition: Composition, test: Samples) -> dict[str, FirstSamples]:
    """Return what every task shows; the model is left in its mode.

    The samples get the same noise as in the evaluation.
    """
    count = min(len(test), max(SHOWN, min(_MOST, _PIXELS // max(1, test.shape[1] * test.shape[2]))))
    first = test.first(count).to(module_device(composition.model))
    found: dict[str, list[FirstSamples]] = {name: [] for name in composition.tasks}
    training = composition.model.training
    composition.model.eval()
    try:
        with torch.inference_mode():
            for names, seen in views_of(composition, first, "test", SHOWN * 8):
                raw = composition.model(seen.image, seen.inputs, names, prepared=True)
                for name in names:
                    composed = composition.tasks[name]
                    target = composed.task.target(seen.clean)
                    if not (found[name] and composed.target.moves_with_pixels):
                        found[name].append(
                            _of_task(composition, name, seen.image, target, raw[name], seen.inputs)
                        )
    finally:
        composition.model.train(training)
    return {name: _joined(parts) for name, parts in found.items()}


def _of_task(
    composition: Composition,
    name: str,
    image: Tensor,
    target: Tensor,
    raw: Tensor,
    inputs: Mapping[str, Tensor],
) -> FirstSamples:
    composed = composition.tasks[name]
    form = composed.target
    prediction, measured = form.predict(raw), None
    if form.moves_with_pixels:
        image, target, prediction = image[:SHOWN], target[:SHOWN], prediction[:SHOWN]
    if form.is_image:
        error = torch.stack(
            [_mean_squared_error(image, target), _mean_squared_error(prediction, target)], dim=1
        )
        measured = error.cpu().numpy()
    there = form.present(target)
    if there is None:
        there = torch.ones(len(target), dtype=torch.bool)
    return FirstSamples(
        to_bytes(image.cpu().numpy()),
        target.cpu().numpy(),
        prediction.cpu().numpy(),
        there.cpu().numpy(),
        _shown(composition, name, {key: value[: len(target)].cpu().numpy() for key, value in inputs.items()}),
        measured,
    )


def _shown(
    composition: Composition, task: str, inputs: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    own = {item.name: inputs[item.name] for item in composition.tasks[task].task.inputs}
    columns = {
        column: np.array(texts)
        for item in composition.dataset_spec.inputs
        for column, texts in item.texts(inputs[item.name]).items()
    }
    return own | dict(list(columns.items())[:_COLUMNS])


def _mean_squared_error(image: Tensor, target: Tensor) -> Tensor:
    if image.shape != target.shape:
        return torch.full((len(target),), float("nan"), device=target.device)
    return (image - target).square().flatten(1).mean(dim=1)


def _joined(parts: list[FirstSamples]) -> FirstSamples:
    if len(parts) == 1:
        return parts[0]
    return FirstSamples(
        np.concatenate([part.seen for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.prediction for part in parts]),
        np.concatenate([part.present for part in parts]),
        {name: np.concatenate([part.inputs[name] for part in parts]) for name in parts[0].inputs},
    )
