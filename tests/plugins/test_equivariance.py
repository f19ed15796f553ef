"""Labels move with pixels: drawn triangles are counted again after every built-in change of an image."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec, Symmetry
from mtl.core.contracts.symmetry import transform_square
from mtl.plugins.augmentations.flip import Flip
from mtl.plugins.augmentations.rotate_90 import Rotate90
from mtl.plugins.forms import Regression
from mtl.plugins.tasks.rotation import Rotation

NAMES = ("squares", "circles", "up", "right", "down", "left")
DIRECTIONS = NAMES[2:]
# A quarter turn counter-clockwise: up -> left -> down -> right -> up.
SYMMETRY = Symmetry(quarter_turn=(0, 1, 3, 4, 5, 2), mirror=(0, 1, 2, 5, 4, 3))
CELL = 9
SHAPES = DatasetSpec(
    ImageSpec(1, 2 * CELL, 2 * CELL), {"counts": Regression(NAMES)}, symmetries={"counts": SYMMETRY}
)


def triangle(direction):
    """A triangle whose tip points up, right, down or left, each drawn by its own rule."""
    row, column = torch.meshgrid(torch.arange(CELL), torch.arange(CELL), indexing="ij")
    middle, last = CELL // 2, CELL - 1
    inside = {
        "up": (column - middle).abs() <= row // 2,
        "down": (column - middle).abs() <= (last - row) // 2,
        "left": (row - middle).abs() <= column // 2,
        "right": (row - middle).abs() <= (last - column) // 2,
    }
    return inside[direction].float()


def draw(directions):
    """An image of four triangles, in reading order."""
    top, bottom = (
        torch.cat([triangle(name) for name in pair], 1) for pair in (directions[:2], directions[2:])
    )
    return torch.cat([top, bottom], 0).unsqueeze(0)


def count(image):
    """The counts column of a drawn image, read off its pixels."""
    found = torch.zeros(len(NAMES))
    for cell in image[0].unfold(0, CELL, CELL).unfold(1, CELL, CELL).reshape(-1, CELL, CELL):
        matches = [name for name in DIRECTIONS if torch.equal(cell, triangle(name))]
        assert len(matches) == 1
        found[NAMES.index(matches[0])] += 1
    return found


def batch(drawings):
    image = torch.stack([draw(directions) for directions in drawings])
    return Batch(image, {"counts": torch.stack([count(one) for one in image])})


def assert_labels_match_pixels(moved):
    assert torch.equal(moved.labels["counts"], torch.stack([count(one) for one in moved.image]))


drawings = st.lists(st.lists(st.sampled_from(DIRECTIONS), min_size=4, max_size=4), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("before", "after"), [("up", "left"), ("left", "down"), ("down", "right"), ("right", "up")]
)
def test_a_quarter_turn_counter_clockwise_on_drawings(before, after):
    assert torch.equal(torch.rot90(triangle(before)), triangle(after))


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [False, True])
@settings(deadline=None, max_examples=10)
@given(drawings=drawings)
def test_every_symmetry_of_the_square_moves_labels_with_pixels(turns, mirror, drawings):
    before = batch(drawings)
    size = len(drawings)
    moved = transform_square(before, torch.full((size,), turns), torch.full((size,), mirror), SHAPES)
    assert_labels_match_pixels(moved)


def test_the_eight_symmetries_differ():
    one = batch([["up", "up", "up", "right"]])
    images = {
        tuple(
            transform_square(one, torch.tensor([turns]), torch.tensor([mirror]), SHAPES)
            .image.flatten()
            .tolist()
        )
        for turns in range(4)
        for mirror in (False, True)
    }
    assert len(images) == 8


@pytest.mark.parametrize(
    "change",
    [
        Flip(SHAPES, horizontal=0.5, vertical=0.5),
        Flip(SHAPES, horizontal=1.0),
        Flip(SHAPES, horizontal=0.0, vertical=1.0),
        Rotate90(SHAPES, probability=0.7),
        Rotation(SHAPES).transform,
    ],
    ids=["flip", "flip-horizontal", "flip-vertical", "rotate-90", "rotation"],
)
@settings(deadline=None, max_examples=25)
@given(drawings=drawings, seed=st.integers(0, 10_000))
def test_changes_of_the_image_move_labels_with_pixels(change, drawings, seed):
    assert_labels_match_pixels(change(batch(drawings), StepRandom(len(drawings), "cpu", seed)))


def test_a_vertical_flip_is_upside_down():
    before = batch([["up", "left", "right", "right"]])
    moved = Flip(SHAPES, horizontal=0.0, vertical=1.0)(before, StepRandom(1, "cpu", 0))
    assert torch.equal(moved.image, before.image.flip(-2))


def test_both_flips_are_half_a_turn():
    before = batch([["up", "left", "right", "right"]])
    moved = Flip(SHAPES, horizontal=1.0, vertical=1.0)(before, StepRandom(1, "cpu", 0))
    assert torch.equal(moved.image, torch.rot90(before.image, 2, (-2, -1)))


def test_a_flip_serves_oblong_images():
    oblong = DatasetSpec(ImageSpec(1, 2, 3), {})
    image = torch.arange(6.0).reshape(1, 1, 2, 3) / 6
    moved = Flip(oblong, horizontal=1.0)(Batch(image, {}), StepRandom(1, "cpu", 0))
    assert torch.equal(moved.image, image.flip(-1))


def test_quarter_turns_go_both_ways():
    before = batch([["up", "up", "up", "right"]] * 64)
    moved = Rotate90(SHAPES, probability=1.0)(before, StepRandom(64, "cpu", 0)).image
    ways = [
        (moved == torch.rot90(before.image, quarters, (-2, -1))).flatten(1).all(1).sum().item()
        for quarters in (1, 3)
    ]
    assert sum(ways) == 64
    assert min(ways) > 16


def test_the_rotation_task_is_right_about_its_turns():
    before = batch([["up", "up", "up", "right"]] * 64)
    task = Rotation(SHAPES)
    moved = task.transform(before, StepRandom(64, "cpu", 0))
    target = task.target(moved)
    assert set(target.tolist()) == {0, 1, 2, 3}
    assert task.target_spec.classes == ("0", "90", "180", "270")
    for image, turns, original in zip(moved.image, target.tolist(), before.image, strict=True):
        assert torch.equal(image, torch.rot90(original, turns, (-2, -1)))


def test_two_rotation_tasks_agree_about_the_whole_turn():
    before = batch([["up", "up", "up", "right"]] * 32)
    task = Rotation(SHAPES)
    moved = before
    for seed in (0, 1):
        moved = task.transform(moved, StepRandom(32, "cpu", seed))
    for image, turns, original in zip(moved.image, task.target(moved).tolist(), before.image, strict=True):
        assert torch.equal(image, torch.rot90(original, turns, (-2, -1)))


def test_labels_without_a_symmetry_stay():
    plain = DatasetSpec(SHAPES.image, SHAPES.labels)
    before = batch([["up", "up", "up", "right"]] * 16)
    moved = Rotate90(plain, probability=1.0)(before, StepRandom(16, "cpu", 0))
    assert torch.equal(moved.labels["counts"], before.labels["counts"])


def test_absent_counts_stay_absent():
    before = batch([["up", "up", "up", "right"]] * 8)
    absent = Batch(before.image, {"counts": torch.full((8, 6), float("nan"))})
    moved = Rotation(SHAPES).transform(absent, StepRandom(8, "cpu", 0))
    assert moved.labels["counts"].isnan().all()
