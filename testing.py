"""The conformance kit, for the tests of a plugin.

from mtl.testing import parametrize_with_checks

@parametrize_with_checks(["my-distribution"])
def test_conformance(component, check):
    check(component)
"""

from .core.testing import (
    Check,
    CheckFailed,
    CheckSkipped,
    Result,
    checks_for,
    parametrize_with_checks,
    run_checks,
)

__all__ = [
    "Check",
    "CheckFailed",
    "CheckSkipped",
    "Result",
    "checks_for",
    "parametrize_with_checks",
    "run_checks",
]
