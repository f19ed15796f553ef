"""Named points: where they go when the image moves, what is absent, and what is said of them."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
import torch

from mtl.core.composition.orbit import ELEMENTS, Orbit
from mtl.core.contracts import Marks
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.marks import marked
from mtl.core.contracts.randomness import SampleRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec, Symmetry
from mtl.core.contracts.symmetry import transform_square
from mtl.core.contracts.warp import Warp
from mtl.plugins.augmentations.shift import Shift
from mtl.plugins.forms import Points

SIDE = 8
POINTS = Points(("left", "right", "middle"))
SIDES = Symmetry(quarter_turn=(0, 1, 2), mirror=(1, 0, 2))
SQUARE = ELEMENTS["square"]


def lit(target: torch.Tensor) -> torch.Tensor:
    """Return an image with a channel per point, white at its pixel; black where it is invisible."""
    image = torch.zeros(len(target), target.shape[1], SIDE, SIDE)
    for sample, point in np.ndindex(*target.shape[:2]):
        if not target[sample, point].isnan().any():
            column, row = (target[sample, point] * SIDE).long().tolist()
            image[sample, point, row, column] = 1.0
    return image


@pytest.fixture
def target() -> torch.Tensor:
    # In the middle of pixels, which no rounding leaves.
    places = torch.randint(SIDE, (5, 3, 2), generator=torch.Generator().manual_seed(1))
    found = (places + 0.5) / SIDE
    found[0, 1] = nan
    return found


@pytest.mark.parametrize(("turns", "mirrored"), SQUARE)
def test_points_move_with_the_pixels_that_they_are_on(target, turns, mirrored):
    spec = DatasetSpec(ImageSpec(3, SIDE, SIDE), {"points": POINTS})
    every = torch.full((5,), turns), torch.full((5,), mirrored)
    moved = transform_square(Batch(lit(target), {"points": target}), *every, spec)
    torch.testing.assert_close(moved.image, lit(moved.labels["points"]))


def test_each_sample_of_a_batch_moves_by_itself(target):
    spec = DatasetSpec(ImageSpec(3, SIDE, SIDE), {"points": POINTS})
    turns, mirrors = torch.tensor([0, 1, 2, 3, 1]), torch.tensor([True, False, True, False, True])
    moved = transform_square(Batch(lit(target), {"points": target}), turns, mirrors, spec)
    torch.testing.assert_close(moved.image, lit(moved.labels["points"]))


def test_a_symmetry_exchanges_the_names_as_well(target):
    spec = DatasetSpec(ImageSpec(3, SIDE, SIDE), {"points": POINTS}, {"points": SIDES})
    every = torch.zeros(5, dtype=torch.int64), torch.ones(5, dtype=torch.bool)
    moved = transform_square(Batch(lit(target), {"points": target}), *every, spec).labels["points"]
    torch.testing.assert_close(
        moved[:, 0], torch.stack([1 - target[:, 1, 0], target[:, 1, 1]], 1), equal_nan=True
    )
    torch.testing.assert_close(moved, POINTS.move(target, 0, True, SIDES), equal_nan=True)


@pytest.mark.parametrize("fill", ["zeros", "reflect"])
def test_points_follow_a_shift_and_those_outside_are_invisible(target, fill):
    spec = DatasetSpec(ImageSpec(3, SIDE, SIDE), {"points": POINTS})
    shift = Shift(spec, padding=3, fill=fill)
    moved = shift(Batch(lit(target), {"points": target}), SampleRandom(torch.arange(5), seed=0))
    places = moved.labels["points"]
    assert not places.equal(target)
    assert places.isnan().sum() > target.isnan().sum()
    # A mirrored border may show a point again; where the point itself went, it is seen.
    assert (lit(places) <= moved.image).all()


def test_a_turned_place_is_where_the_turned_image_takes_it_from(target):
    angle = torch.tensor([0.3, -0.2, 0.1, 0.0, 0.4])
    turn = torch.stack([angle.cos(), -2 * angle.sin(), 0 * angle, angle.sin() / 2, angle.cos(), 0 * angle], 1)
    warp = Warp(turn.view(-1, 2, 3))
    new = 2 * POINTS.warp(target, warp) - 1
    old = (
        warp.matrix[:, None] @ torch.cat([new, torch.ones_like(new[..., :1])], dim=-1).unsqueeze(-1)
    ).squeeze(-1)
    there = ~new.isnan()
    assert there.any()
    torch.testing.assert_close(old[there], (2 * target - 1)[there])


@pytest.mark.parametrize("symmetry", [None, SIDES])
def test_test_time_augmentation_moves_answers_back(target, symmetry):
    orbit = Orbit("square", ImageSpec(3, SIDE, SIDE), {"points": POINTS}, {"points": symmetry})
    raw = POINTS.ideal(target)
    views = torch.cat([POINTS.move(raw, *element, symmetry) for element in SQUARE])
    torch.testing.assert_close(orbit.mean("points", views), raw)


def test_the_constant_answer_is_the_mean_of_visible_places_and_their_share():
    column = torch.tensor([[[0.2, 0.4], [nan, nan]], [[0.4, 0.8], [nan, 0.1]]])
    total, count = Points(("a", "b")).tally(column)
    mean = total / torch.as_tensor(count).clamp(min=1)
    torch.testing.assert_close(mean, torch.tensor([[0.3, 0.6, 1.0], [0.0, 0.0, 0.0]]))


def test_a_sample_without_any_visible_point_has_no_target():
    column = torch.tensor([[[0.2, 0.4], [nan, nan]], [[nan, nan], [0.5, nan]]])
    assert Points(("a", "b")).present(column).tolist() == [True, False]


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (
            np.array([[[0.5, 1.25]]], dtype=np.float32),
            "must lie in 0..1, or be NaN where invisible; entry [0, 0, 1] is 1.25",
        ),
        (
            np.array([[[-0.5, nan]]], dtype=np.float32),
            "must lie in 0..1, or be NaN where invisible; entry [0, 0, 0] is -0.5",
        ),
        (np.array([[0.5, 0.5]], dtype=np.float32), r"must be float32 [1, 1, 2], got float32 [1, 2]"),
        (np.array([[[np.inf, 0.5]]], dtype=np.float32), "must be finite; entry [0, 0, 0] is inf"),
        (np.array([[[nan, nan]]], dtype=np.float32), None),
    ],
)
def test_places_of_a_column_lie_in_the_image_or_are_absent(column, problem):
    assert Points(("a",)).column_problem(column, 1) == problem


def test_predictions_lie_in_the_image_and_say_how_probable_a_point_is():
    raw = torch.tensor([[[-0.5, 0.25, 0.0], [1.5, 0.5, 100.0]]])
    expected = torch.tensor([[[0.0, 0.25, 0.5], [1.0, 0.5, 1.0]]])
    form = Points(("a", "b"))
    torch.testing.assert_close(form.predict(raw), expected)
    np.testing.assert_allclose(form.predict_array(raw.numpy()), expected.numpy(), atol=1e-6)


def test_marks_say_where_visible_points_are_and_which_are_hidden():
    (said,) = Marks(("nose", "tail")).describe(np.array([[[0.5, 0.25, 0.9], [0.1, 0.2, 0.3]]]))
    assert said.text == "nose (0.500, 0.250); hidden: tail"
    assert said.value["points"]["tail"] == {"x": 0.1, "y": 0.2, "visible": 0.3}
    (none,) = Marks(("nose",)).describe(np.array([[[nan, nan, 0.0]]]))
    assert none.text == "no point; hidden: nose"


def test_marks_lie_over_the_image_where_the_points_are():
    marks = Marks(("nose", "tail"))
    images = np.zeros((1, 1, 20, 40), dtype=np.uint8)
    predictions = np.array([[[0.25, 0.5, 0.9], [0.75, 0.5, 0.1]]])
    (said,) = marks.over(marks.describe(predictions), images)
    assert said.picture is not None
    rows, columns = np.nonzero(said.picture.any(axis=2))
    height, width = said.picture.shape[:2]
    assert abs(columns.mean() / width - 0.25) < 0.02
    assert abs(rows.mean() / height - 0.5) < 0.02


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_images_of_any_number_of_channels_are_marked(channels):
    assert marked(np.zeros((channels, 300, 200), dtype=np.uint8), [None]).shape == (300, 200, 3)
