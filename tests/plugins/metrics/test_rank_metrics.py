"""Metrics of classes in order, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Categorical, Ordinal
from mtl.plugins.metrics.quadratic_kappa import QuadraticKappa
from mtl.plugins.metrics.rank_error import RankError

FOUR = Ordinal(("poor", "fair", "good", "best"))


@pytest.fixture
def answers():
    random = np.random.default_rng(5)
    return random.random((60, 4)).astype(np.float32), random.integers(0, 4, 60)


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        (RankError, lambda given, right: np.abs(given - right).mean()),
        (QuadraticKappa, lambda given, right: cohen_kappa_score(right, given, weights="quadratic")),
    ],
)
def test_distances_in_ranks_count(metric, wanted, answers):
    judge = metric(FOUR)
    for part in (slice(0, 7), slice(7, 60)):
        judge.update(torch.from_numpy(answers[0][part]), torch.from_numpy(answers[1][part]))
    assert float(judge.compute()) == pytest.approx(wanted(answers[0].argmax(1), answers[1]), rel=1e-5)


@pytest.mark.parametrize("metric", [RankError, QuadraticKappa])
def test_classes_without_order_are_refused(metric):
    with pytest.raises(Incompatible, match="needs classes in order"):
        metric(Categorical(("a", "b", "c")))
