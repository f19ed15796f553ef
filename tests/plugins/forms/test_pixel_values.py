"""Values per pixel: columns, values that are not known, the constant answer, directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtl.core.contracts.warp import Warp
from mtl.plugins.forms import PixelValues

NAN = float("nan")
DEPTH = PixelValues(("depth",), 1, 3, "m", positive=True)
FLOW = PixelValues(("x", "y"), 2, 2, directed=True)


def maps(*rows):
    return torch.tensor(rows)[:, None, None]


def test_a_value_that_is_not_known_is_nan_and_distances_are_above_zero():
    assert DEPTH.column_problem(maps([1.0, NAN, 2.0]).numpy(), 1) is None
    below = DEPTH.column_problem(maps([1.0, NAN, 0.0]).numpy(), 1)
    assert below == "must be above 0, or NaN where it is not known; entry [0, 0, 0, 2] is 0"
    assert "must be finite" in DEPTH.column_problem(maps([1.0, NAN, float("inf")]).numpy(), 1)
    assert DEPTH.present(maps([NAN, NAN, NAN], [NAN, 1.0, NAN])).tolist() == [False, True]


def test_the_constant_answer_is_the_mean_of_what_is_known_at_each_pixel():
    target = maps([1.0, NAN, NAN], [3.0, 5.0, NAN], [NAN, 7.0, NAN])
    parts = [DEPTH.tally(target[:2]), DEPTH.tally(target[2:])]
    constant = sum(total for total, _ in parts) / sum(count for _, count in parts)
    # Nothing is known of the third pixel: there it is the mean of the parts' means, 3 and 7.
    torch.testing.assert_close(constant, torch.tensor([[[2.0, 6.0, 5.0]]]), atol=1e-4, rtol=0)


def test_a_direction_turns_and_is_mirrored_with_its_pixels():
    right = torch.zeros(1, 2, 2, 2)
    right[:, 0, 0, 1] = 1.0  # in the upper right corner, to the right
    turned = FLOW.move(right, 1, False, None)  # counter-clockwise: in the upper left corner, upwards
    assert turned[0, :, 0, 0].tolist() == [0.0, 1.0]
    assert float(turned.abs().sum()) == 1.0
    mirrored = FLOW.move(right, 0, True, None)
    assert mirrored[0, :, 0, 0].tolist() == [-1.0, 0.0]


def test_a_direction_turns_by_the_angle_of_a_small_turn():
    angle = torch.tensor([0.3])
    rows = torch.stack([angle.cos(), -angle.sin(), 0 * angle, angle.sin(), angle.cos(), 0 * angle], dim=1)
    values = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2)
    moved = FLOW.warp(values, Warp(rows.view(1, 2, 3)))
    # What is seen at (1, 0) was at (cos, sin), y downwards: the image turned counter-clockwise.
    torch.testing.assert_close(moved[0, :, 0, 0], torch.tensor([float(angle.cos()), float(angle.sin())]))


def test_a_single_value_has_no_direction():
    with pytest.raises(ValueError, match="two components"):
        PixelValues(("x",), 2, 2, directed=True)


def test_its_drawing_says_the_range_and_keeps_the_numbers():
    answer = np.array([[[[1.0, 2.0, 4.0]]]], dtype=np.float32)
    said = DEPTH.drawing.describe(answer)[0]
    assert said.text == "depth 1 to 4 m"
    assert said.value["ranges"]["depth"] == {"lowest": 1.0, "mean": pytest.approx(7 / 3), "highest": 4.0}
    assert said.picture.tolist()[0][0] == [68, 1, 84]
    np.testing.assert_array_equal(said.numbers, answer[0])
