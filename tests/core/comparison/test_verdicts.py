"""What may be said, and what may not."""

from __future__ import annotations

import pytest

from mtl.core.comparison.statistics import Estimate, estimate
from mtl.core.comparison.verdicts import judge, sentence

SURE = estimate([0.0010, 0.0011, 0.0012, 0.0009, 0.0010])
WAVERING = estimate([0.01, -0.02, 0.03])
UNITS = {name: {"unit": "points", "scale": 100.0} for name in ("even", "third")}


def row(found: Estimate, outcome: str) -> dict[str, object]:
    return {"gain": found.to_json(), "verdict": {"outcome": outcome}}


@pytest.mark.parametrize(
    ("found", "adjusted", "outcome"),
    [
        (SURE, 0.01, "better"),
        (estimate([-0.0010, -0.0011, -0.0012]), 0.01, "worse"),
        (SURE, 0.2, "perhaps better"),
        (estimate([-0.0010, -0.0011, -0.0012]), 0.2, "perhaps worse"),
        (WAVERING, 0.01, "no evidence"),
        (estimate([0.1, 0.1001]), 0.01, "too few seeds"),
        (estimate([0.1]), None, "too few seeds"),
        (estimate([0.1, 0.1, 0.1]), None, "no evidence"),
        (None, None, "not known"),
    ],
)
def test_the_rule(found: Estimate | None, adjusted: float | None, outcome: str) -> None:
    assert judge(found, adjusted, found.n if found else 5).outcome == outcome


def test_a_verdict_needs_an_interval_of_both_kinds_on_one_side() -> None:
    # All three differences are positive, so the bootstrap alone would say better.
    found = estimate([0.001, 0.05, 0.002])
    assert found.bootstrap is not None
    assert found.bootstrap[0] > 0
    assert judge(found, 0.001, 3).outcome == "no evidence"


def test_a_sentence_says_what_is_found_and_what_is_not() -> None:
    rows = {"even": row(WAVERING, "no evidence"), "third": row(SURE, "better")}
    assert sentence("cross-stitch", rows, UNITS, 3) == (
        "cross-stitch beats single-task on third, 95 % interval +0.09 to +0.12 points; no evidence on even"
    )


def test_a_sentence_without_any_evidence() -> None:
    rows = {name: row(WAVERING, "no evidence") for name in UNITS}
    assert sentence("hard", rows, UNITS, 3) == "hard: no evidence on even and third"


def test_a_sentence_about_too_few_seeds() -> None:
    rows = {name: row(estimate([0.1]), "too few seeds") for name in UNITS}
    assert sentence("hard", rows, UNITS, 1) == (
        "hard: nothing can be concluded on even and third from 1 seed: 3 are the least"
    )


def test_a_sentence_about_what_does_not_survive_the_correction() -> None:
    rows = {"third": row(SURE, "perhaps better")}
    assert sentence("ple", rows, UNITS, 5).endswith("(perhaps: not after the correction for all comparisons)")


def test_nothing_is_sure_where_trainings_failed() -> None:
    assert judge(SURE, 0.01, 6).outcome == "perhaps better"
    rows = {"third": row(SURE, "perhaps better")}
    assert sentence("ple", rows, UNITS, 6) == (
        "ple perhaps beats single-task on third, 95 % interval +0.09 to +0.12 points "
        "(of 6 seeds 5 count, since trainings failed: nothing is sure)"
    )
