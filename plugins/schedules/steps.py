"""A lower learning rate from certain epochs on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...core.contracts import Moment, Schedule


class Steps(Schedule):
    """`decay` to the power of the milestones that are reached.

    >>> steps = Steps(milestones=(3,), decay=0.5)
    >>> [steps.factor(Moment(epoch - 1, 4, epoch, 4)) for epoch in (1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.5]
    >>> steps.problem(2)
    'has a milestone in epoch 3; the training has 2'
    """

    def __init__(
        self,
        *,
        milestones: Annotated[
            tuple[int, ...], Field(description="Epochs, counted from 1, at whose start the rate decays.")
        ] = (),
        decay: Annotated[float, Field(gt=0, le=1, description="Factor at each milestone.")] = 0.1,
    ) -> None:
        self.milestones, self.decay = milestones, decay

    def factor(self, at: Moment) -> float:
        return self.decay ** sum(at.epoch >= milestone for milestone in self.milestones)

    def problem(self, epochs: int) -> str | None:
        late = max(self.milestones, default=0)
        return f"has a milestone in epoch {late}; the training has {epochs}" if late > epochs else None
