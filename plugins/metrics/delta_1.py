"""The share of pixels whose value is within a factor of 1.25."""

from __future__ import annotations

from .within_factor import WithinFactor


class Delta1(WithinFactor):
    """The share of pixels whose value is within a factor of 1.25 of the true one."""

    power = 1
