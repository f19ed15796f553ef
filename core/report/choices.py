"""Answers that are one of several classes: how many of the first are wrong, and the worst of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts import Bars, Form
from .first_samples import SHOWN, FirstSamples
from .markup import Html, join, tag
from .numbers import percent
from .pixels import picture


@dataclass(frozen=True)
class _Answers:
    """Class names in order, the class given and its probability, and the true class (-1: absent)."""

    names: Sequence[str]
    given: NDArray[np.int64]
    probability: NDArray[np.float32]
    true: NDArray[np.int64]


def choices(task: str, form: Form, samples: FirstSamples, limit: int) -> list[Html]:
    """Return how many of the first samples are answered wrongly, and the mistakes the model was surest of."""
    answers = _answers(form, samples)
    parts = []
    wrong = np.flatnonzero(samples.present & (answers.given != answers.true))
    surest = wrong[np.argsort(-answers.probability[wrong], kind="stable")][:SHOWN].tolist()
    judged = int(samples.present.sum())
    said = (
        f"Of the first {len(samples)} test samples {judged} have a label; "
        f"{len(wrong)} of these are answered wrongly"
    )
    if surest:
        parts.append(tag("p", f"{said}. These the model was surest of:", class_="note"))
        parts.append(_strip(f"Surest mistakes of {task}", surest, answers, samples, limit))
    else:
        parts.append(tag("p", f"{said}.", class_="note"))
    return parts


def _answers(form: Form, samples: FirstSamples) -> _Answers:
    drawing = form.drawing
    assert isinstance(drawing, Bars)
    given = drawing.chosen(samples.prediction)
    probability = np.take_along_axis(drawing.probabilities(samples.prediction), given[:, None], axis=1)[:, 0]
    return _Answers(form.choices, given, probability, samples.target)


def _strip(title: str, indices: Sequence[int], answers: _Answers, samples: FirstSamples, limit: int) -> Html:
    return tag(
        "ul", *(_item(index, answers, samples, limit) for index in indices), class_="strip", aria_label=title
    )


def _item(index: int, answers: _Answers, samples: FirstSamples, limit: int) -> Html:
    answer = answers.names[int(answers.given[index])]
    lines = [
        picture(samples.seen[index], alt=f"test sample {index + 1}", limit=limit),
        *(tag("span", f"{name} = {value[index]}", class_="given") for name, value in samples.inputs.items()),
        tag("strong", answer),
        tag("span", percent(float(answers.probability[index]))),
        tag("span", "✗ wrong", class_="wrong"),
        tag("span", f"true: {answers.names[int(answers.true[index])]}"),
    ]
    return tag("li", join(lines), class_="mistake")
