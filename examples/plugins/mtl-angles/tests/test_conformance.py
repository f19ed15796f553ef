"""Every component of mtl-angles keeps the promises of its contract."""

from mtl.testing import parametrize_with_checks


@parametrize_with_checks(["mtl-angles"])
def test_conformance(component, check):
    check(component)
