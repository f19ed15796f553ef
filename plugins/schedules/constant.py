"""The same learning rate throughout."""

from __future__ import annotations

from ...core.contracts import Moment, Schedule


class Constant(Schedule):
    """The recipe's learning rate in every step."""

    def factor(self, at: Moment) -> float:
        return 1.0
