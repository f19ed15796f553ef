"""Cutting a step's batch into independent parts, for balancers that want more than one draw."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from .blocks import StepLessons


def cut(lessons: StepLessons, parts: int) -> list[StepLessons]:
    """Return the lessons of `parts` equal parts of the batch, in order.

    What is left over when the batch cannot be divided is in no part. A batch that leaves parts of fewer than
    two samples, which have no statistics, is every part itself: an epoch's last one may be so small.
    """
    size = len(lessons[0].image) // parts
    if size < 2:
        return [lessons] * parts
    rest = len(lessons[0].image) % parts
    sizes = [size] * parts + ([rest] if rest else [])
    cuts = []
    for lesson in lessons:
        images = lesson.image.split(sizes)
        normalized = None if lesson.normalized is None else lesson.normalized.split(sizes)
        inputs = {name: value.split(sizes) for name, value in lesson.inputs.items()}
        answers = {name: known.split(sizes) for name, known in lesson.answers.items()}
        cuts.append(
            [
                replace(
                    lesson,
                    image=images[part],
                    inputs={name: value[part] for name, value in inputs.items()},
                    answers={name: value[part] for name, value in answers.items()},
                    normalized=None if normalized is None else normalized[part],
                    counts=None,
                )
                for part in range(parts)
            ]
        )
    return list(zip(*cuts, strict=True))


def mean_of_parts(losses: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss over all parts' labels, and how many there are, both `[T]`."""
    total = counts.sum(dim=0)
    return (losses * counts).sum(dim=0) / total.clamp(min=1.0), total
