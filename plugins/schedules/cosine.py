"""Half a cosine down to zero."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from ...core.contracts import Moment, Schedule

Every = Annotated[Literal["epoch", "step"], Field(description="How often the rate changes.")]


class Cosine(Schedule):
    """`(1 + cos(pi * t)) / 2`, where `t` is the share of the training that lies behind.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts (2017), without
    restarts.

    >>> [round(Cosine().factor(Moment(step, 8, 1 + step // 2, 4)), 3) for step in (0, 1, 2, 4)]
    [1.0, 1.0, 0.854, 0.5]
    """

    def __init__(self, *, every: Every = "epoch") -> None:
        self.every = every

    def factor(self, at: Moment) -> float:
        if self.every == "step":
            return 0.5 * (1 + math.cos(math.pi * at.step / at.steps))
        return 0.5 * (1 + math.cos(math.pi * (at.epoch - 1) / at.epochs))
