"""Every component of mtl-bars keeps the promises of its contract."""

from mtl.testing import parametrize_with_checks


@parametrize_with_checks(["mtl-bars"])
def test_conformance(component, check):
    check(component)
