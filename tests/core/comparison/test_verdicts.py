"""What may be said, and what may not."""

from __future__ import annotations

import pytest

from mtl.core.comparison.statistics import Estimate, difference
from mtl.core.comparison.verdicts import sentence, verdict_on

ALONE = [0.9000, 0.9001, 0.9002, 0.8999, 0.9000]
SURE = difference([value + 0.001 for value in ALONE], ALONE)
SURELY_WORSE = difference([value - 0.001 for value in ALONE], ALONE)
WAVERING = difference([0.91, 0.88, 0.93], [0.90, 0.90, 0.91])
UNITS = {name: {"unit": "points", "scale": 100.0} for name in ("even", "third")}


def row(found: Estimate, outcome: str, adjusted: float | None) -> dict[str, object]:
    return {"gain": found.to_json(), "verdict": {"outcome": outcome, "adjusted_p": adjusted}}


@pytest.mark.parametrize(
    ("found", "adjusted", "outcome"),
    [
        (SURE, 0.01, "better"),
        (SURELY_WORSE, 0.01, "worse"),
        (SURE, 0.05, "perhaps better"),
        (SURE, 0.19, "perhaps better"),
        (SURELY_WORSE, 0.19, "perhaps worse"),
        (SURE, 0.2, "no evidence"),
        (SURE, 0.6, "no evidence"),
        (SURELY_WORSE, 0.6, "no evidence"),
        (WAVERING, 0.01, "no evidence"),
        (difference([0.1, 0.1001], [0.2, 0.2001]), 0.01, "too few seeds"),
        (difference([0.1], [0.2]), None, "too few seeds"),
        (difference([0.2, 0.2, 0.2], [0.1, 0.1, 0.1]), 1.0, "no evidence"),
        (None, None, "not known"),
    ],
)
def test_the_rule(found: Estimate | None, adjusted: float | None, outcome: str) -> None:
    assert verdict_on(found, adjusted, found.n if found else 5).outcome == outcome


def test_a_sentence_says_what_is_found_and_what_is_not_and_how_sure_it_is() -> None:
    rows = {"even": row(WAVERING, "no evidence", 0.84), "third": row(SURE, "better", 0.0123)}
    assert sentence("cross-stitch", rows, UNITS, 3) == (
        "cross-stitch beats single-task on third, 95 % interval +0.08 to +0.12 points, p=0.012; "
        "no evidence on even (p=0.84)"
    )


def test_a_sentence_without_any_evidence() -> None:
    rows = {name: row(WAVERING, "no evidence", 1.0) for name in UNITS}
    assert sentence("hard", rows, UNITS, 3) == "hard: no evidence on even (p=1) and third (p=1)"


def test_a_sentence_about_too_few_seeds() -> None:
    rows = {name: row(difference([0.1], [0.2]), "too few seeds", None) for name in UNITS}
    assert sentence("hard", rows, UNITS, 1) == (
        "hard: nothing can be concluded on even and third from 1 seed: 3 are the least"
    )


def test_nothing_is_sure_where_trainings_failed() -> None:
    assert verdict_on(SURE, 0.01, 6).outcome == "perhaps better"
    rows = {"third": row(SURE, "perhaps better", 0.01)}
    assert sentence("ple", rows, UNITS, 6) == (
        "ple perhaps beats single-task on third, 95 % interval +0.08 to +0.12 points, p=0.010 "
        "(of 6 seeds 5 count, since trainings failed: nothing is sure)"
    )
