"""Choosing what is checked, and what a run of the kit says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.contracts.records import KINDS
from mtl.core.discovery.registry import discover
from mtl.core.testing import checks_for, run_checks
from mtl.core.testing.bench import SIZES, Bench
from mtl.core.testing.subjects import subjects

Install = Callable[..., str]


def test_a_good_plugin_passes_every_check(install_good: Callable[[], str]) -> None:
    results = run_checks([install_good()])
    assert [(result.check, result.reason) for result in results if result.status == "failed"] == []
    assert {result.kind for result in results} == {"plugin", *KINDS} - {"recipe"}
    skipped = [result.check for result in results if result.status == "skipped"]
    # The good head, loss and metric are of classes.
    assert sorted(skipped) == [
        "an-absent-number-costs-nothing",
        "an-absent-number-is-not-judged",
        "values-are-standardised-or-in-units",
    ]


@pytest.mark.parametrize("kind", ["plugin", *KINDS])
def test_every_kind_has_checks_with_names_of_their_own_and_a_promise(kind: str) -> None:
    checks = checks_for(kind)
    names = [check.name for check in checks]
    assert names
    assert len(set(names)) == len(names)
    assert all(check.promise for check in checks)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'encoder'"):
        checks_for("encodr")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("good-plugin", 16),
        ("Good_Plugin", 16),
        ("good_parts", 15),
        ("encoder good", 1),
        ("good-plugin/good", 15),
        ("good", 15),
    ],
)
def test_a_name_means_a_distribution_a_module_or_a_component(
    name: str, expected: int, install_good: Callable[[], str]
) -> None:
    install_good()
    found = subjects(discover(), [name])
    assert len([subject for subject in found if subject.distribution == "good-plugin"]) == expected


def test_a_name_that_means_nothing_is_refused_with_the_nearest(install_good: Callable[[], str]) -> None:
    install_good()
    with pytest.raises(UsageError, match="did you mean 'good-plugin'"):
        run_checks(["god-plugin"])


def test_options_are_given_to_components_that_need_them(spoiled: Callable[[str, str], object]) -> None:
    spoiled(
        "loss",
        """
        class Broken(GoodLoss):
            def __init__(self, target, *, power: Annotated[int, Field(description="Power.")] = 0):
                super().__init__(target)
                if power == 0:
                    raise Incompatible("needs option `power`")
        """,
    )
    alone = run_checks(["broken-plugin"], kind="loss")
    assert any(result.status == "failed" and "needs option `power`" in result.reason for result in alone)
    given = run_checks(["broken-plugin"], kind="loss", options={"broken": {"power": 2}})
    assert [result.reason for result in given if result.status == "failed"] == []


def test_what_a_component_prints_is_dropped(
    spoiled: Callable[[str, str], object], capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled(
        "metric", "class Broken(GoodMetric):\n    def compute(self): print('x'); return super().compute()"
    )
    statuses = [result.status for result in run_checks(["broken-plugin"], kind="metric")]
    assert "ok" in statuses
    assert "failed" not in statuses
    assert capsys.readouterr().out == ""


def test_a_component_that_exits_is_a_failure(spoiled: Callable[[str, str], object]) -> None:
    spoiled("metric", "class Broken(GoodMetric):\n    def compute(self): raise SystemExit(3)")
    results = run_checks(["broken-plugin"], kind="metric")
    assert any(result.status == "failed" and "SystemExit: 3" in result.reason for result in results)


def test_an_exception_of_a_component_says_where_it_was_raised(spoiled: Callable[[str, str], object]) -> None:
    spoiled("metric", "class Broken(GoodMetric):\n    def compute(self): return 1 / 0")
    (result, *_) = [item for item in run_checks(["broken-plugin"], kind="metric") if item.status == "failed"]
    assert "got ZeroDivisionError: division by zero" in result.reason
    assert "broken_plugin.py:" in result.reason
    assert "(compute)" in result.reason


def test_a_component_that_accepts_nothing_is_skipped_with_the_reason(
    spoiled: Callable[[str, str], object],
) -> None:
    spoiled(
        "task", "class Broken(GoodTask):\n    def __init__(self, dataset): raise Incompatible('needs sound')"
    )
    results = run_checks(["broken-plugin"], kind="task")
    reasons = {result.reason for result in results if result.status == "skipped"}
    assert len(reasons) == 1
    assert "needs sound" in reasons.pop()


def test_an_encoder_that_cannot_be_built_is_no_partner_for_others(install_plugin: Callable[..., str]) -> None:
    install_plugin(
        "odd-encoder",
        """
        from mtl import Component, hookimpl
        from mtl.core.contracts import Encoder

        @hookimpl
        def mtl_components():
            yield Component("encoder", "odd", "Cannot be built", "odd_encoder:Odd")

        class Odd(Encoder):
            def __init__(self, image, inputs): raise TypeError("no")
        """,
    )
    assert Bench(discover()).features("odd", SIZES[0]) is None
