"""Losses of maps, where some pixels have no label: against sums written out."""

import math

import pytest
import torch

from mtl.plugins.forms import PixelClasses, PixelValues
from mtl.plugins.losses.mean_absolute_error import MeanAbsoluteError
from mtl.plugins.losses.mean_squared_error import MeanSquaredError
from mtl.plugins.losses.pixel_cross_entropy import PixelCrossEntropy
from mtl.plugins.losses.smooth_l1 import SmoothL1

MASK = PixelClasses(("a", "b"), 1, 3)
DEPTH = PixelValues(("depth",), 1, 3)
NAN = float("nan")


def test_pixel_cross_entropy_is_the_mean_over_labelled_pixels():
    raw = torch.tensor([[[[2.0, 0.0, 9.0]], [[0.0, 1.0, -9.0]]]], requires_grad=True)
    target = torch.tensor([[[0, 0, -1]]])
    loss = PixelCrossEntropy(MASK)(raw, target)
    first, second = math.log(1 + math.exp(-2)), math.log(1 + math.exp(1))
    assert loss.tolist() == [pytest.approx((first + second) / 2)]
    loss.sum().backward()
    assert raw.grad[..., 2].abs().max() == 0
    assert raw.grad[..., :2].abs().min() > 0


def test_a_sample_without_labels_has_no_loss_and_no_gradient():
    raw = torch.randn(1, 2, 1, 3, requires_grad=True)
    loss = PixelCrossEntropy(MASK)(raw, torch.full((1, 1, 3), -1))
    loss.sum().backward()
    assert loss.tolist() == [0.0]
    assert raw.grad.abs().max() == 0


def test_balanced_weights_count_labelled_pixels():
    loss = PixelCrossEntropy(MASK, class_weights="balanced")
    loss.fit(torch.tensor([[[0, 0, 0]], [[1, -1, -1]]], dtype=torch.int16))
    # N / (K n): 4 pixels, 2 classes, 3 and 1 of them.
    torch.testing.assert_close(loss.weighing.weights, torch.tensor([4 / 6, 4 / 2]))


@pytest.mark.parametrize(
    ("loss", "error"),
    [
        (MeanAbsoluteError, abs),
        (MeanSquaredError, lambda value: value**2),
        (SmoothL1, lambda value: value**2 / 2 if abs(value) < 1 else abs(value) - 0.5),
    ],
)
def test_errors_of_maps_are_means_over_known_pixels(loss, error):
    raw = torch.tensor([[[[1.0, 2.5, 7.0]]]], requires_grad=True)
    found = loss(DEPTH)(raw, torch.tensor([[[[1.5, 0.5, NAN]]]]))
    assert found.tolist() == [pytest.approx((error(-0.5) + error(2.0)) / 2)]
    found.sum().backward()
    assert raw.grad.isfinite().all()
    assert float(raw.grad[..., 2]) == 0
