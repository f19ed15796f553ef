"""From a head's raw output to what the user wants: probabilities, values, or an image in 0..1."""

from __future__ import annotations

import torch
from torch import Tensor

from .specs import Binary, Categorical, Image, TargetSpec


def predict(raw: Tensor, target: TargetSpec) -> Tensor:
    """Return the prediction for a raw output, same shape.

    >>> predict(torch.zeros(1, 2), Categorical(("a", "b"))).tolist()
    [[0.5, 0.5]]
    >>> predict(torch.tensor([0.0]), Binary()).tolist()
    [0.5]
    """
    if isinstance(target, Categorical):
        return torch.softmax(raw, dim=-1)
    if isinstance(target, Binary) or (isinstance(target, Image) and target.link == "logit"):
        return torch.sigmoid(raw)
    if isinstance(target, Image):
        return raw.clamp(0.0, 1.0)
    return raw
