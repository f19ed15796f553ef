"""Up to the full learning rate and down again, once."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from ...core.contracts import Moment, Schedule


class OneCycle(Schedule):
    """Half a cosine up from `start` to 1 during the share `rise` of the steps, then one down to `end`.

    The recipe's learning rate is the highest. Source: Smith and Topin, Super-Convergence (2018); as in
    `torch.optim.lr_scheduler.OneCycleLR`, which divides the end by the start.

    >>> [round(OneCycle(rise=0.5).factor(Moment(step, 9, 1, 1)), 3) for step in (0, 4, 8)]
    [0.04, 1.0, 0.0]
    """

    def __init__(
        self,
        *,
        rise: Annotated[float, Field(gt=0, lt=1, description="Share of the steps on the way up.")] = 0.3,
        start: Annotated[float, Field(gt=0, le=1, description="The factor at the start.")] = 0.04,
        end: Annotated[float, Field(ge=0, le=1, description="The factor at the end.")] = 4e-6,
    ) -> None:
        self.rise, self.start, self.end = rise, start, end

    def factor(self, at: Moment) -> float:
        last = at.steps - 1
        top = self.rise * last
        if at.step < top:
            return _between(self.start, 1.0, at.step / top)
        return _between(1.0, self.end, (at.step - top) / (last - top) if last > top else 0.0)


def _between(first: float, last: float, share: float) -> float:
    """Return the point of half a cosine from one value to another."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))
