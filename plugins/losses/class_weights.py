"""Weights of classes, for losses in which rare classes are to count as much as frequent ones."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.base.errors import Incompatible

LabelSmoothingOption = Annotated[
    float, Field(ge=0.0, lt=1.0, description="Share of the target spread evenly over all classes.")
]
ClassWeightsOption = Annotated[
    Literal["none", "balanced"] | tuple[Annotated[float, Field(gt=0)], ...],
    Field(
        description="What an error in each class costs: all the same (none), the more the rarer its training "
        "labels (balanced), or a number for each class in order; for yes or no: of no, then of yes."
    ),
]


class ClassWeights(nn.Module):
    """A weight per class `[K]`; once fitted, their mean over the training labels is 1.

    So the mean loss over the training labels is what `torch.nn.CrossEntropyLoss(weight=...)` defines, the sum
    of weighted losses divided by the sum of weights, and that of a batch does not depend on which classes
    happen to be in it. `balanced` is `N / (K n)` for a class with `n` of `N` labels, where `K` counts the
    classes that occur, as in scikit-learn; a class that does not occur has weight 1.
    Raises `Incompatible` unless there is one number per class.
    """

    weights: Tensor

    def __init__(self, stated: Literal["balanced"] | tuple[float, ...], count: int) -> None:
        super().__init__()
        self.stated = stated
        if isinstance(stated, tuple) and len(stated) != count:
            raise Incompatible(f"needs one class weight per class, {count}, got {len(stated)}")
        given = stated if isinstance(stated, tuple) else (1.0,) * count
        self.register_buffer("weights", torch.tensor(given, dtype=torch.float32))

    def fit(self, targets: Tensor) -> None:
        """Take the class counts of the training labels, int64 `[N]`."""
        self.fit_counts(torch.bincount(targets, minlength=len(self.weights)))

    def fit_counts(self, counted: Tensor) -> None:
        """Take how many training labels there are of each class, `[K]`."""
        counts = counted.double()
        if isinstance(self.stated, tuple):
            weights = torch.tensor(self.stated, dtype=torch.float64)
            weights = weights * counts.sum() / (weights * counts).sum()
        else:
            weights = counts.sum() / (counts.count_nonzero() * counts)
        self.weights.copy_(weights.masked_fill(weights.isinf(), 1.0))
