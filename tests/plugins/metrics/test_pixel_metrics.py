"""Metrics of maps, against counts written out."""

import numpy as np
import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import PixelClasses, PixelValues
from mtl.plugins.metrics.class_iou import ClassIou
from mtl.plugins.metrics.confusion_matrix import ConfusionMatrix
from mtl.plugins.metrics.delta_1 import Delta1
from mtl.plugins.metrics.delta_2 import Delta2
from mtl.plugins.metrics.delta_3 import Delta3
from mtl.plugins.metrics.mean_absolute_error import MeanAbsoluteError
from mtl.plugins.metrics.mean_iou import MeanIou
from mtl.plugins.metrics.pixel_accuracy import PixelAccuracy
from mtl.plugins.metrics.relative_error import RelativeError
from mtl.plugins.metrics.root_mean_squared_error import RootMeanSquaredError

MASK = PixelClasses(("a", "b", "c", "never"), 5, 6)
DEPTH = PixelValues(("depth",), 5, 6, "m", positive=True)


def judge(metric, prediction, target, sizes=(1, 4, 3)):
    for some, right in zip(prediction.split(sizes), target.split(sizes), strict=True):
        metric.update(some, right)
    return metric.compute()


@pytest.fixture
def labelled():
    random = np.random.default_rng(0)
    target = random.integers(-1, 3, (8, 5, 6))
    given = np.where(random.random(target.shape) < 0.6, target.clip(0), random.integers(0, 3, target.shape))
    return torch.eye(4)[torch.from_numpy(given)].permute(0, 3, 1, 2), torch.from_numpy(target), given, target


def test_mean_iou_counts_pixels_of_all_samples_over_the_classes_that_occur(labelled):
    prediction, target, given, true = labelled
    known = true >= 0
    each = []
    for number in range(3):
        both = ((given == number) & (true == number) & known).sum()
        either = (((given == number) | (true == number)) & known).sum()
        each.append(both / either)
    assert float(judge(MeanIou(MASK), prediction, target)) == pytest.approx(np.mean(each))
    table = judge(ClassIou(MASK), prediction, target)
    assert table[:3, 1].tolist() == pytest.approx(each)
    assert table[:3, 0].tolist() == [(true == number).sum() for number in range(3)]
    assert table[3, 1:].isnan().all()


def test_pixel_accuracy_and_the_table_leave_out_pixels_without_label(labelled):
    prediction, target, given, true = labelled
    known = true >= 0
    accuracy = float(judge(PixelAccuracy(MASK), prediction, target))
    assert accuracy == pytest.approx((given == true)[known].mean())
    table = judge(ConfusionMatrix(MASK), prediction, target)
    assert int(table.sum()) == known.sum()
    assert int(table[1, 2]) == ((true == 1) & (given == 2)).sum()


def test_errors_of_maps_are_over_known_pixels():
    random = np.random.default_rng(1)
    value, true = (random.uniform(0.5, 4, (8, 1, 5, 6)).astype(np.float32) for _ in range(2))
    true[random.random(true.shape) < 0.3] = np.nan
    known = ~np.isnan(true)
    ratio = np.maximum(value / true, true / value)[known]
    error = np.abs(value - true)[known]
    expected = {
        MeanAbsoluteError: error.mean(),
        RootMeanSquaredError: np.sqrt((error**2).mean()),
        RelativeError: (error / true[known]).mean(),
        Delta1: (ratio < 1.25).mean(),
        Delta2: (ratio < 1.25**2).mean(),
        Delta3: (ratio < 1.25**3).mean(),
    }
    for metric, number in expected.items():
        got = float(judge(metric(DEPTH), torch.from_numpy(value), torch.from_numpy(true)))
        assert got == pytest.approx(number, rel=1e-5), metric


def test_a_value_of_zero_or_less_is_within_no_factor():
    value, true = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor([1.0, 1.0, 1.0])
    wide = PixelValues(("depth",), 1, 3, positive=True)
    assert float(judge(Delta3(wide), value.view(1, 1, 1, 3), true.view(1, 1, 1, 3), (1,))) == pytest.approx(
        1 / 3
    )


@pytest.mark.parametrize("metric", [RelativeError, Delta1])
def test_ratios_are_for_values_above_zero(metric):
    signed = PixelValues(("x", "y"), 2, 2, directed=True)
    assert "all above 0" in metric.accepts(signed)
    with pytest.raises(Incompatible, match="all above 0"):
        metric(signed)
