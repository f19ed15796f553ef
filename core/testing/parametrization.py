"""The kit as a pytest decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..base.errors import UsageError, suggest
from ..discovery.registry import discover
from .checks import Check, CheckFailed, CheckSkipped
from .running import checks_for
from .subjects import Subject, subjects

Test = TypeVar("Test", bound=Callable[..., Any])


def parametrize_with_checks(
    names: Sequence[str],
    *,
    expected_failures: Mapping[str, str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Test], Test]:
    """Run a pytest test once for every component that `names` mean and every check of its kind.

        @parametrize_with_checks(["my-distribution"])
        def test_conformance(component, check):
            check(component)

    A name is a distribution, a plugin, a module, or a component (`tiny`, `encoder tiny`, `dist/tiny`).
    `expected_failures` maps a check's name, or `"component:check"`, to the reason why it fails; it must then
    really fail. `options` gives components that cannot be built from their defaults their options by name.
    Raises `UsageError` for an unknown name and for an expected failure that is unknown or has no reason.
    """
    import pytest

    if isinstance(names, str):
        raise UsageError(f"names must be a list, got {names!r}", hint=f"write [{names!r}]")
    pairs = [
        (subject, check)
        for subject in subjects(discover(), names, options=options)
        for check in checks_for(subject.kind)
    ]
    reasons = dict(expected_failures or {})
    _refuse_bad_expectations(reasons, pairs)
    parameters = []
    for subject, check in pairs:
        reason = reasons.get(f"{subject.name}:{check.name}", reasons.get(check.name))
        marks = () if reason is None else (pytest.mark.xfail(reason=reason, strict=True, raises=CheckFailed),)
        parameters.append(
            pytest.param(
                subject,
                _for_pytest(check, expected=reason is not None),
                marks=marks,
                id=f"{subject.kind}-{subject.name}-{check.name}",
            )
        )
    decorated: Callable[[Test], Test] = pytest.mark.parametrize(("component", "check"), parameters)
    return decorated


def _for_pytest(check: Check, *, expected: bool) -> Callable[[Subject], None]:
    """Return the check with pytest's way of skipping; one that is expected to fail may not be skipped."""
    import pytest

    def run(component: Subject) -> None:
        __tracebackhide__ = True
        try:
            check(component)
        except CheckSkipped as skipped:
            if expected:
                pytest.fail(f"{check.name} is expected to fail, and is skipped: {skipped}", pytrace=False)
            pytest.skip(str(skipped))

    return run


def _refuse_bad_expectations(reasons: Mapping[str, str], pairs: Sequence[tuple[Subject, Check]]) -> None:
    known = {check.name for _, check in pairs} | {f"{subject.name}:{check.name}" for subject, check in pairs}
    for name, reason in reasons.items():
        if name not in known:
            raise UsageError(
                f"expected failure of an unknown check {name!r}",
                hint=suggest(name, sorted(known), "checks"),
            )
        if not isinstance(reason, str) or not reason.strip():
            raise UsageError(
                f"the expected failure of {name!r} has no reason", hint="say why, in a few words"
            )
