"""The tracker keeps the promises of its contract; a server of the tests takes what it posts."""

from mtl.testing import parametrize_with_checks


@parametrize_with_checks(["mtl-webhook"])
def test_conformance(component, check):
    check(component)
