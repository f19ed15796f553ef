"""The table of true and predicted classes."""

from __future__ import annotations

from ...core.contracts import Form
from .class_metric import ClassMetric
from .class_table import ClassTable


class ConfusionMatrix(ClassMetric):
    """How often each class (row) was predicted as each class (column), int64 `[K, K]`; no before yes.

    >>> import torch
    >>> from mtl.contracts import Binary
    >>> matrix = ConfusionMatrix(Binary("even", "odd"))
    >>> matrix.update(torch.tensor([0.9, 0.8, 0.1]), torch.tensor([1, 0, 0]))
    >>> matrix.compute().tolist()
    [[1, 1], [0, 1]]
    """

    direction = None
    bounds = (0.0, float("inf"))
    scalar = False

    def __init__(self, target: Form) -> None:
        super().__init__(target, ClassTable)
