"""The share of pixels whose value is within a factor of 1.25 to the power of 3."""

from __future__ import annotations

from .within_factor import WithinFactor


class Delta3(WithinFactor):
    """The share of pixels whose value is within a factor of 1.25 to the power of 3 of the true one."""

    power = 3
