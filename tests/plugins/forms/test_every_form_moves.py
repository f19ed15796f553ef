"""Answers of every form move with the pixels: the eight symmetries of the square act as a group does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.contracts import (
    Batch,
    Binary,
    DatasetSpec,
    Form,
    ImageSpec,
    PixelClasses,
    PixelValues,
    StepRandom,
    Symmetry,
    transform_square,
)
from mtl.core.composition.orbit import ELEMENTS, Orbit
from mtl.core.discovery.registry import discover
from mtl.plugins.augmentations.flip import Flip
from mtl.plugins.augmentations.rotate import Rotate
from mtl.plugins.augmentations.rotate_90 import Rotate90
from mtl.plugins.augmentations.shift import Shift
from mtl.plugins.tasks.rotation import Rotation

SIDE = 6
IMAGE = ImageSpec(1, SIDE, SIDE)
SIDES = Symmetry((1, 2, 3, 0), (0, 3, 2, 1))
FORMS = [form for entry in discover().entries("form") for form in entry.load().specimens(IMAGE)]
MASK = PixelClasses(("dark", "bright"), SIDE, SIDE)
FLOW = PixelValues(("right", "up"), SIDE, SIDE, directed=True)
MAPS = DatasetSpec(IMAGE, {"mask": MASK, "flow": FLOW})


def symmetry_of(form: Form) -> Symmetry | None:
    """How a quarter turn and a mirror move the entries of an answer: any that suits it."""
    if form.moves_with_pixels or form.entries != 4:
        return None
    return SIDES if form.symmetry_problem(SIDES) is None else None


def composed(first: tuple[int, bool], second: tuple[int, bool]) -> tuple[int, bool]:
    """The one symmetry that does what two do, one after the other: m r = r^-1 m."""
    (turns, mirrored), (more, again) = first, second
    return ((more - turns) % 4 if again else (more + turns) % 4, mirrored != again)


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two are equal number by number; what is absent equals what is absent."""
    return torch.allclose(one, other, rtol=0.0, atol=0.0, equal_nan=True)


elements = st.sampled_from(ELEMENTS["square"])


@pytest.mark.parametrize("form", FORMS, ids=str)
@settings(deadline=None, max_examples=15)
@given(first=elements, second=elements, seed=st.integers(0, 99))
def test_one_symmetry_after_another_is_the_one_that_both_make(form, first, second, seed):
    symmetry = symmetry_of(form)
    target = form.draw(3, torch.Generator().manual_seed(seed))
    twice = form.move(form.move(target, *first, symmetry), *second, symmetry)
    assert same(twice, form.move(target, *composed(first, second), symmetry))


@pytest.mark.parametrize("form", FORMS, ids=str)
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 99))
def test_labels_of_a_batch_move_as_their_form_says(form, seed):
    """Of a mixed batch, each sample as its own symmetry moves it."""
    symmetry = symmetry_of(form)
    target = form.draw(8, torch.Generator().manual_seed(seed))
    dataset = DatasetSpec(IMAGE, {"label": form}, {"label": symmetry} if symmetry else {})
    turns = torch.tensor([turns for turns, _ in ELEMENTS["square"]])
    mirrors = torch.tensor([mirrored for _, mirrored in ELEMENTS["square"]])
    moved = transform_square(Batch(torch.rand(8, *IMAGE.shape), {"label": target}), turns, mirrors, dataset)
    alone = [form.move(target[i : i + 1], *element, symmetry) for i, element in enumerate(ELEMENTS["square"])]
    assert same(moved.labels["label"], torch.cat(alone))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_mean_over_the_square_moves_with_the_image(form):
    """A model that answers each view as it was moved gives, in the mean, what is true of the image itself."""
    symmetry = symmetry_of(form)
    orbit = Orbit("square", IMAGE, {"task": form}, {"task": symmetry})
    answer = form.ideal(form.draw(2, torch.Generator().manual_seed(0)))
    if not form.moves_with_pixels and answer.dim() < 2:
        moved = answer.repeat(8)
    else:
        views = [_as_answer(form, answer, element, symmetry) for element in orbit.elements]
        moved = torch.cat(views)
    torch.testing.assert_close(orbit.mean("task", moved), answer, equal_nan=True)


def _as_answer(form, answer, element, symmetry):
    if form.moves or symmetry is None:
        return form.move(answer, *element, symmetry)
    return answer[:, list(symmetry.after(*element))]


def maps_of(image: torch.Tensor) -> dict[str, torch.Tensor]:
    """A mask and a direction read off the pixels: bright or not, and where it gets brighter."""
    bright = image[:, 0]
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")[:, 0]
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    up = padded[:, :-2, 1:-1] - padded[:, 2:, 1:-1]
    return {"mask": (bright > 0.5).byte(), "flow": torch.stack([right, up], dim=1)}


@pytest.mark.parametrize(
    "change",
    [
        Flip(MAPS, horizontal=0.5, vertical=0.5),
        Rotate90(MAPS, probability=0.7),
        Rotation(MAPS).transform,
    ],
    ids=["flip", "rotate-90", "rotation"],
)
def test_maps_after_a_change_are_those_of_the_changed_image(change):
    image = torch.rand(16, *IMAGE.shape, generator=torch.Generator().manual_seed(0))
    changed = change(Batch(image, maps_of(image)), StepRandom(16, "cpu", 0))
    for name, expected in maps_of(changed.image).items():
        torch.testing.assert_close(changed.labels[name], expected)


@pytest.mark.parametrize("fill", ["zeros", "reflect"])
def test_a_shifted_mask_is_that_of_the_shifted_image(fill):
    image = torch.rand(32, *IMAGE.shape, generator=torch.Generator().manual_seed(0)).clamp(min=0.01)
    batch = Batch(image, {"mask": maps_of(image)["mask"], "flow": torch.zeros(32, 2, SIDE, SIDE)})
    changed = Shift(MAPS, padding=2, fill=fill)(batch, StepRandom(32, "cpu", 0))
    expected = maps_of(changed.image)["mask"]
    if fill == "zeros":
        expected = expected.masked_fill(changed.image[:, 0] == 0, 255)
        assert (changed.labels["mask"] == 255).any()
    assert torch.equal(changed.labels["mask"], expected)
    assert not torch.equal(changed.image, image)


def test_a_turned_mask_is_near_that_of_the_turned_image_and_absent_outside():
    side = 40
    form = PixelClasses(("dark", "bright"), side, side)
    dataset = DatasetSpec(ImageSpec(1, side, side), {"mask": form})
    image = torch.zeros(8, 1, side, side)
    image[:, :, 8:20, 8:30] = 1.0
    mask = (image[:, 0] > 0.5).byte()
    turned = Rotate(dataset, degrees=40)(
        Batch(image + 0.1 * (image == 0), {"mask": mask}), StepRandom(8, "cpu", 1)
    )
    inside = turned.labels["mask"] != 255
    assert not inside.all()
    same = turned.labels["mask"] == (turned.image[:, 0] > 0.55).byte()
    assert same[inside].float().mean() > 0.97
    assert Binary().move(torch.tensor([1]), 1, True, None).tolist() == [1]
