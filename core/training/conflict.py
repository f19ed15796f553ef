"""How far the tasks' gradients point the same way, and what a step for one does to the others.

Both are looked at outside the steps, and the model is left as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations, permutations

import torch
from torch import Tensor, nn

from ..composition.composition import Composition
from ..composition.losses import mean_loss
from .balancing import task_gradients
from .blocks import Blocks, StepLessons


def conflict(composition: Composition, blocks: Blocks, count: int, device: torch.device) -> dict[str, float]:
    """Return `cosines`, and `lookahead` where the recipe asks for it, on the first of `count` samples."""
    training = composition.recipe.train
    size = training.batch_size * max(1, training.lookahead)
    blocks.restart(0, 0)
    steps = blocks.lessons(torch.arange(min(size, count), device=device), 0, 0)
    found = cosines(composition, steps[0])
    return found | lookahead(composition, steps, training.learning_rate) if training.lookahead else found


def cosines(composition: Composition, lessons: StepLessons) -> dict[str, float]:
    """Return `cosine/A/B` for every pair of tasks, of their gradients on the shared parameters.

    The model is left as it was and looks at the batch as in evaluation (no dropout, no batch statistics).
    A task without a gradient has the cosine 0; without shared parameters that are trained, or a second task,
    there is none.
    """
    shared = composition.model.sharing.trained_together()
    names = tuple(composition.tasks)
    if not shared or len(names) < 2:
        return {}
    with _evaluating(composition.model):
        gradients = task_gradients(_losses(composition, lessons), shared)
    units = torch.nn.functional.normalize(gradients, dim=1)
    matrix = (units @ units.T).clamp(-1.0, 1.0).tolist()
    return {f"cosine/{names[i]}/{names[j]}": matrix[i][j] for i, j in combinations(range(len(names)), 2)}


def lookahead(composition: Composition, steps: Sequence[StepLessons], rate: float) -> dict[str, float]:
    """Return `affinity/A/B` for every two tasks: what a step for A alone does to B's loss.

    The lookahead affinity of Fifty et al. 2021, mean over `steps`: with the shared parameters s and the loss
    L_B of a batch, 1 - L_B(s - rate * grad L_A(s)) / L_B(s). Above zero the step for A helps B. It is a plain
    step along the gradient, whatever the optimizer. A loss below zero is divided by its size, and one of 0
    has the affinity 0. The model is left as it was, to the bit, and looks at the batches as in evaluation.
    """
    shared = composition.model.sharing.trained_together()
    names = tuple(composition.tasks)
    if not shared or len(names) < 2:
        return {}
    with _evaluating(composition.model):
        found = torch.stack([_lookahead(composition, lessons, shared, rate) for lessons in steps])
    matrix = found.mean(dim=0).tolist()
    return {f"affinity/{names[i]}/{names[j]}": matrix[i][j] for i, j in permutations(range(len(names)), 2)}


def _lookahead(
    composition: Composition, lessons: StepLessons, shared: Sequence[nn.Parameter], rate: float
) -> Tensor:
    """Return the affinities `[T, T]` of one batch: of the step for each task on each task's loss."""
    losses = _losses(composition, lessons)
    gradients = task_gradients(losses, shared)
    before, sizes = losses.detach(), [parameter.numel() for parameter in shared]
    rows = []
    with torch.no_grad():
        kept = [parameter.clone() for parameter in shared]
        try:
            for gradient in gradients:
                for parameter, start, part in zip(shared, kept, gradient.split(sizes), strict=True):
                    parameter.copy_(start - rate * part.view(start.shape))
                rows.append(_losses(composition, lessons))
        finally:
            for parameter, start in zip(shared, kept, strict=True):
                parameter.copy_(start)
    found = (before - torch.stack(rows)) / before.abs()
    return torch.where(before == 0, torch.zeros_like(found), found)


def _losses(composition: Composition, lessons: StepLessons) -> Tensor:
    """Return each task's mean loss `[T]` over a step's lessons, before weighting."""
    found: dict[str, Tensor] = {}
    for lesson in lessons:
        # As the steps do, of the image as it is: a mean over its symmetries is nothing that is trained.
        raw = composition.model.answer_once(lesson.image, lesson.inputs, lesson.tasks)
        for name in lesson.tasks:
            found[name] = mean_loss(composition.tasks[name].loss, raw[name], lesson.answers[name])
    return torch.stack([found[name] for name in composition.tasks])


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
