"""A straight line down."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.contracts import Moment, Schedule


class Linear(Schedule):
    """From 1 to `end` in equal steps; the last step of the training is one away from `end`.

    >>> [Linear().factor(Moment(step, 4, 1, 1)) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """

    def __init__(
        self, *, end: Annotated[float, Field(ge=0, le=1, description="The factor it goes to.")] = 0.0
    ) -> None:
        self.end = end

    def factor(self, at: Moment) -> float:
        return 1 + (self.end - 1) * at.step / at.steps
