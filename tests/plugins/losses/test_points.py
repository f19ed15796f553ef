from __future__ import annotations

from math import exp, log, nan

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Points, Regression
from mtl.plugins.losses.points import PointsLoss

FORM = Points(("a", "b", "c"))
TARGET = torch.tensor([[[0.5, 0.5], [nan, nan], [0.25, 1.0]]])


def test_it_is_the_smooth_error_of_visible_points_and_the_cross_entropy_of_being_visible():
    raw = torch.tensor([[[0.52, 0.5, 2.0], [0.0, 9.0, 0.5], [0.75, 0.0, -1.0]]])
    smooth = (0.02**2 / 0.1) + (0.5 - 0.025) + (1.0 - 0.025)
    told = log(1 + exp(-2.0)) + log(1 + exp(0.5)) + log(1 + exp(1.0))
    loss = PointsLoss(FORM, beta=0.05, visibility=0.3)(raw, TARGET)
    assert loss.tolist() == pytest.approx([smooth / 2 + 0.3 * told / 3], rel=1e-5)


def test_the_place_of_an_invisible_point_costs_nothing():
    raw = torch.zeros(1, 3, 3, requires_grad=True)
    PointsLoss(FORM)(raw, TARGET).sum().backward()
    assert raw.grad is not None
    assert raw.grad.isfinite().all()
    assert raw.grad[0, 1, :2].tolist() == [0, 0]
    assert raw.grad[0, 1, 2] != 0


def test_other_answers_are_refused():
    with pytest.raises(Incompatible, match="needs points, got a regression answer"):
        PointsLoss(Regression(("x",)))
