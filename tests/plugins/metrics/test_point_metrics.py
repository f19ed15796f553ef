from __future__ import annotations

from math import nan

import pytest
import torch

from mtl.plugins.forms import Points
from mtl.plugins.metrics.mean_distance import MeanDistance
from mtl.plugins.metrics.pck import Pck
from mtl.plugins.metrics.point_scores import PointScores
from mtl.plugins.metrics.visibility import Visibility

FORM = Points(("a", "b"))
TARGET = torch.tensor([[[0.5, 0.5], [nan, nan]], [[0.1, 0.1], [0.3, 0.4]]])
PREDICTION = torch.tensor([[[0.53, 0.54, 0.9], [0.5, 0.5, 0.7]], [[0.1, 0.19, 0.2], [0.6, 0.8, 0.6]]])
"""Distances 0.05 and none, 0.09 and 0.5; of the four, visibility is told right twice."""


def judged(metric):
    for prediction, target in zip(PREDICTION.split(1), TARGET.split(1), strict=True):
        metric.update(prediction, target)
    return metric.compute()


@pytest.mark.parametrize(("threshold", "share"), [(0.01, 0), (0.07, 1 / 3), (0.1, 2 / 3), (0.6, 1)])
def test_pck_is_the_share_of_visible_points_within_the_threshold(threshold, share):
    assert float(judged(Pck(FORM, threshold=threshold))) == pytest.approx(share)


def test_the_mean_distance_is_that_of_visible_points():
    assert float(judged(MeanDistance(FORM))) == pytest.approx((0.05 + 0.09 + 0.5) / 3, rel=1e-5)


def test_visibility_is_the_share_of_points_told_right():
    assert float(judged(Visibility(FORM))) == pytest.approx(2 / 4)


def test_scores_have_a_row_for_each_point():
    rows = judged(PointScores(FORM))
    assert rows.shape == (len(FORM.labels), len(PointScores.columns))
    expected = [[1.0, 0.07, 0.5, 1.0, 0.5], [0.5, 0.5, 0.0, 0.0, 0.5]]
    torch.testing.assert_close(rows, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


def test_there_is_no_value_before_any_visible_point():
    metric = Pck(FORM)
    assert metric.compute().isnan()
    metric.update(PREDICTION[:1], torch.full((1, 2, 2), nan))
    assert metric.compute().isnan()
