"""Angles go round."""

import math

import numpy as np
import pytest
import torch
from mtl_angles.form import Angle
from mtl_angles.needles import draw
from mtl_angles.parts import HalfChord, MeanAngle

from mtl.contracts import Warp


def at(*degrees):
    """Return the vectors of angles."""
    angle = torch.tensor(degrees, dtype=torch.float32).deg2rad()
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def test_the_error_is_the_short_way_round():
    metric = MeanAngle(Angle())
    metric.update(3 * at(179.0, 10.0), at(-179.0, 10.0))
    assert metric.compute().item() == pytest.approx(1.0, abs=1e-4)


def test_the_loss_of_sure_answers_is_one_minus_the_cosine():
    loss = HalfChord(Angle())(at(180.0, 90.0, 0.0), at(-180.0, 30.0, 180.0))
    assert loss.tolist() == pytest.approx([0.0, 0.5, 2.0], abs=1e-6)


def test_it_is_said_in_degrees():
    (said,) = Angle().drawing.describe(0.5 * at(-120.0).numpy())
    assert said.text == "-120.0 degrees (to the right -0.25, upwards -0.433)"
    assert said.value["degrees"] == pytest.approx(-120.0)


def test_a_column_holds_vectors_of_length_one():
    column = at(5.0, 6.0).numpy()
    column[1] *= 2
    assert Angle().column_problem(column[:1], 1) is None
    assert "must be the cosine and the sine of an angle; entry [1]" in Angle().column_problem(column, 2)
    assert Angle().column_problem(np.full((1, 2), np.nan, np.float32), 1) is None


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_angles_turn_with_the_image(turns, mirrored):
    columns = draw(8, seed=0)
    images, angles = torch.from_numpy(columns.image[:, 0]), torch.from_numpy(columns.labels["direction"])
    moved = torch.rot90(images.flip(-1) if mirrored else images, turns, (1, 2)).double()
    right = (torch.arange(16) - 7.5).expand(16, 16).double()
    found = torch.stack([(moved * right).sum((1, 2)), (moved * -right.T).sum((1, 2))], dim=1)
    metric = MeanAngle(Angle())
    metric.update(found, Angle().move(angles, turns, mirrored, None))
    assert metric.compute().item() < 5


def test_a_small_turn_is_followed():
    cosine, sine = math.cos(math.radians(30)), math.sin(math.radians(30))
    warp = Warp(torch.tensor([[[cosine, -2 * sine, 0], [0.5 * sine, cosine, 0]]]).expand(2, 2, 3))
    assert torch.allclose(Angle().warp(at(10.0, 170.0), warp), at(40.0, 200.0), atol=1e-6)
