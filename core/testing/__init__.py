"""The conformance kit: does a plugin keep the promises of its contracts?

    from mtl.testing import parametrize_with_checks

    @parametrize_with_checks(["my-distribution"])
    def test_conformance(component, check):
        check(component)

`mtl plugin check` does the same without a test.
"""

from .checks import Check, CheckFailed, CheckSkipped, Result
from .parametrization import parametrize_with_checks
from .running import checks_for, run_checks

__all__ = [
    "Check",
    "CheckFailed",
    "CheckSkipped",
    "Result",
    "checks_for",
    "parametrize_with_checks",
    "run_checks",
]
