"""How far the tasks' gradients point the same way, looked at outside the steps."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from ..composition.composition import Composition
from ..composition.losses import mean_loss
from .balancing import task_gradients
from .blocks import StepLessons


def cosines(composition: Composition, lessons: StepLessons) -> dict[str, float]:
    """Return `cosine/A/B` for every pair of tasks, of their gradients on the shared parameters.

    The model is left as it was and looks at the batch as in evaluation (no dropout, no batch statistics).
    A task without a gradient has the cosine 0; without shared parameters that are trained, or a second task,
    there is none.
    """
    model = composition.model
    shared = model.sharing.trained_together()
    names = tuple(composition.tasks)
    if not shared or len(names) < 2:
        return {}
    training = model.training
    model.eval()
    found: dict[str, Tensor] = {}
    for lesson in lessons:
        # As the steps do, of the image as it is: a mean over its symmetries is nothing that is trained.
        raw = model.answer_once(lesson.image, lesson.inputs, lesson.tasks)
        for name in lesson.tasks:
            found[name] = mean_loss(composition.tasks[name].loss, raw[name], lesson.answers[name])
    gradients = task_gradients(torch.stack([found[name] for name in names]), shared)
    model.train(training)
    units = torch.nn.functional.normalize(gradients, dim=1)
    matrix = (units @ units.T).clamp(-1.0, 1.0).tolist()
    return {f"cosine/{names[i]}/{names[j]}": matrix[i][j] for i, j in combinations(range(len(names)), 2)}
