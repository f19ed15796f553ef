"""What every augmentation keeps, and what each one does; labels are in test_equivariance."""

import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import SampleRandom, StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.discovery.options import options_model
from mtl.plugins.augmentations import COMPONENTS
from mtl.plugins.augmentations.brightness_contrast import BrightnessContrast
from mtl.plugins.augmentations.erase import Erase
from mtl.plugins.augmentations.gaussian_noise import GaussianNoise
from mtl.plugins.augmentations.rotate import Rotate
from mtl.plugins.augmentations.rotate_90 import Rotate90
from mtl.plugins.augmentations.shift import Shift

SPEC = DatasetSpec(ImageSpec(3, 12, 12), {})
CLASSES = {}
for component in COMPONENTS:
    module, _, name = component.target.partition(":")
    CLASSES[component.name] = getattr(importlib.import_module(module), name)
every_augmentation = pytest.mark.parametrize("name", CLASSES)


def images(count, shape=(3, 12, 12)):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def look(augmentation, image, random=None):
    return augmentation(Batch(image, {}), random or StepRandom(len(image), "cpu", 0)).image


@every_augmentation
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), extreme=st.sampled_from([None, 0.0, 1.0]))
def test_images_keep_form_and_range(name, seed, extreme):
    image = images(8) if extreme is None else torch.full((8, 3, 12, 12), extreme)
    changed = look(CLASSES[name](SPEC), image, StepRandom(8, "cpu", seed))
    assert changed.shape == image.shape
    assert changed.dtype == torch.float32
    assert float(changed.min()) >= 0.0
    assert float(changed.max()) <= 1.0


@every_augmentation
def test_the_same_random_source_gives_the_same_images_and_leaves_the_originals(name):
    image = images(16)
    once = look(CLASSES[name](SPEC), image)
    assert torch.equal(once, look(CLASSES[name](SPEC), image))
    assert torch.equal(image, images(16))
    assert not torch.equal(once, image)


@every_augmentation
def test_what_happens_to_a_sample_does_not_depend_on_its_batch(name):
    if CLASSES[name].mixes:
        pytest.skip("it is made of two samples of the batch")
    augmentation = CLASSES[name](SPEC)
    image, samples = images(8), torch.arange(8) + 40
    together = look(augmentation, image, SampleRandom(samples, seed=2))
    order = torch.tensor([6, 1, 3])
    some = look(augmentation, image[order], SampleRandom(samples[order], seed=2))
    torch.testing.assert_close(some, together[order], rtol=0, atol=1e-6)


@every_augmentation
def test_inputs_and_other_labels_are_kept(name):
    labels, inputs = {"digit": torch.arange(4)}, {"number": torch.arange(4)}
    changed = CLASSES[name](SPEC)(Batch(images(4), labels, inputs), StepRandom(4, "cpu", 0))
    assert torch.equal(changed.labels["digit"], labels["digit"])
    assert torch.equal(changed.inputs["number"], inputs["number"])


@every_augmentation
def test_options_are_described(name):
    model = options_model(CLASSES[name])
    assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize("name", ["rotate-90", "brightness-contrast", "gaussian-noise", "erase"])
def test_the_probability_is_the_share_of_changed_samples(name):
    image = images(400)
    changed = (look(CLASSES[name](SPEC, probability=0.25), image) != image).flatten(1).any(1)
    assert 70 <= int(changed.sum()) <= 130


@pytest.mark.parametrize("name", ["rotate-90", "brightness-contrast", "gaussian-noise", "erase"])
def test_probability_zero_changes_nothing(name):
    assert torch.equal(look(CLASSES[name](SPEC, probability=0.0), images(50)), images(50))


def test_a_shift_moves_pixels_by_up_to_the_padding_in_every_direction():
    image = torch.zeros(400, 1, 12, 12)
    image[:, :, 6, 6] = 1.0
    moved = look(Shift(SPEC, padding=2), image)
    places = {tuple(place) for place in moved.nonzero()[:, 2:].tolist()}
    assert len(moved.nonzero()) == 400
    assert places == {(row, column) for row in range(4, 9) for column in range(4, 9)}


def test_a_shift_brings_in_black_or_the_mirrored_image():
    white = torch.ones(50, 3, 12, 12)
    assert float(look(Shift(SPEC), white).min()) == 0.0
    assert torch.equal(look(Shift(SPEC, fill="reflect"), white), white)


def test_a_padding_as_large_as_the_image_is_refused():
    with pytest.raises(Incompatible, match="`padding` must be below the image's size 12, got 12"):
        Shift(SPEC, padding=12)


class Angle(StepRandom):
    """A source whose uniform numbers are all the same."""

    def __init__(self, value):
        super().__init__(1, "cpu", 0)
        self.value = value

    def uniform(self, *shape):
        return torch.full((1, *shape), self.value)


@pytest.mark.parametrize("shape", [(1, 41, 41), (1, 41, 61), (1, 61, 41)])
def test_a_rotation_turns_points_by_its_angle_counter_clockwise_even_in_oblong_images(shape):
    # The source's 1.0 stands for the largest angle.
    image = torch.zeros(1, *shape)
    row, column = shape[1] // 2, shape[2] // 2
    image[0, 0, row - 1 : row + 2, column + 13 : column + 16] = 1.0
    moved = look(Rotate(DatasetSpec(ImageSpec(*shape), {}), degrees=30.0), image, Angle(1.0))
    mass = moved[0, 0] / moved.sum()
    rows = (mass.sum(1) * (torch.arange(shape[1]) - row)).sum()
    columns = (mass.sum(0) * (torch.arange(shape[2]) - column)).sum()
    assert float(columns) == pytest.approx(14 * 3**0.5 / 2, abs=0.1)
    # Rows count downwards: counter-clockwise moves the right-hand point up.
    assert float(rows) == pytest.approx(-7.0, abs=0.1)


def test_half_of_the_range_of_a_rotation_is_no_turn():
    torch.testing.assert_close(look(Rotate(SPEC), images(1), Angle(0.5)), images(1), rtol=0, atol=1e-6)


def test_brightness_multiplies():
    grey = torch.full((300, 1, 4, 4), 0.5)
    values = look(BrightnessContrast(SPEC, brightness=0.2, probability=1.0), grey)[:, 0, 0, 0]
    assert 0.4 <= float(values.min()) < 0.42
    assert 0.58 < float(values.max()) <= 0.6


def test_contrast_stretches_about_the_mean():
    image = torch.tensor([0.25, 0.75]).expand(300, 1, 1, 2)
    changed = look(BrightnessContrast(SPEC, brightness=0.0, contrast=0.2, probability=1.0), image)
    span = (changed[..., 1] - changed[..., 0]).flatten()
    torch.testing.assert_close(changed.mean(dim=(1, 2, 3)), torch.full((300,), 0.5))
    assert 0.4 <= float(span.min()) < 0.42
    assert 0.58 < float(span.max()) <= 0.6 + 1e-6


def test_gaussian_noise_has_the_given_deviation():
    grey = torch.full((200, 1, 12, 12), 0.5)
    noise = look(GaussianNoise(SPEC, amount=0.1, probability=1.0), grey) - 0.5
    assert abs(float(noise.std()) - 0.1) < 0.003


def test_erasing_paints_one_rectangle_of_the_right_area_and_aspect():
    spec = DatasetSpec(ImageSpec(1, 40, 40), {})
    white = torch.ones(200, 1, 40, 40)
    gone = look(Erase(spec, probability=1.0, area=(0.1, 0.2), aspect=(0.5, 2.0)), white)[:, 0] == 0
    for mask in gone:
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        height, width = len(rows), len(columns)
        assert int(mask.sum()) == height * width
        assert int(rows[-1] - rows[0]) == height - 1
        assert int(columns[-1] - columns[0]) == width - 1
        assert 0.09 <= height * width / 1600 <= 0.22
        assert 0.45 <= height / width <= 2.2
    assert gone.any(0).any(0).all()
    assert gone.any(0).any(1).all()


def test_erasing_everything_is_possible_and_uses_the_fill():
    erased = look(Erase(SPEC, probability=1.0, area=(1.0, 1.0), aspect=(1.0, 1.0), fill=0.5), images(3))
    assert torch.equal(erased, torch.full_like(erased, 0.5))


@pytest.mark.parametrize("options", [{"area": (0.3, 0.1)}, {"aspect": (3.0, 1.0)}])
def test_ranges_the_wrong_way_round_are_refused(options):
    with pytest.raises(Incompatible, match="must be in ascending order"):
        Erase(SPEC, **options)


def test_a_quarter_turn_of_oblong_images_is_refused():
    with pytest.raises(Incompatible, match="needs a square image, got 28 x 32"):
        Rotate90(DatasetSpec(ImageSpec(1, 28, 32), {}))
