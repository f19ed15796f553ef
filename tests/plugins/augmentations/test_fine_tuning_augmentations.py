"""Crops, colours and mixtures: against torchvision, and against equations written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from mtl.core.base.errors import Incompatible, RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.losses import known_mixture, mean_loss
from mtl.core.contracts.batch import Batch, Mixture
from mtl.core.contracts.randomness import StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.trainer import Trainer
from mtl.plugins.augmentations.colour_jitter import ColourJitter, turned_hue
from mtl.plugins.augmentations.cutmix import Cutmix
from mtl.plugins.augmentations.mixup import Mixup
from mtl.plugins.augmentations.random_resized_crop import RandomResizedCrop
from mtl.plugins.forms import Categorical, PixelClasses
from mtl.plugins.losses.cross_entropy import CrossEntropy

COLOUR = DatasetSpec(ImageSpec(3, 6, 8), {"digit": Categorical(("a", "b", "c"))})


def batch(count: int = 8, spec: DatasetSpec = COLOUR) -> Batch:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, *spec.image.shape, generator=generator)
    return Batch(image, {"digit": torch.arange(count) % 3})


def random(count: int = 8, seed: int = 0) -> StepRandom:
    return StepRandom(count, "cpu", seed)


class Fixed(StepRandom):
    """Draws the same number everywhere."""

    def __init__(self, count: int, value: float) -> None:
        super().__init__(count, "cpu", 0)
        self.value = value

    def uniform(self, *shape: int) -> torch.Tensor:
        return torch.full((self.batch_size, *shape), self.value)


@pytest.mark.parametrize(
    ("option", "function"),
    [
        ("brightness", reference.adjust_brightness),
        ("contrast", reference.adjust_contrast),
        ("saturation", reference.adjust_saturation),
    ],
)
@pytest.mark.parametrize("drawn", [0.0, 0.25, 0.9])
def test_colours_are_those_of_torchvision(option: str, function: Any, drawn: float) -> None:
    off = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "probability": 1.0}
    given = batch()
    changed = ColourJitter(COLOUR, **{**off, option: 0.5})(given, Fixed(8, drawn)).image
    expected = function(given.image, 1.0 + 0.5 * (2.0 * drawn - 1.0))
    torch.testing.assert_close(changed, expected, atol=2e-6, rtol=0)


@settings(max_examples=25, deadline=None)
@given(turn=st.floats(-0.5, 0.5, width=32), seed=st.integers(0, 100))
def test_the_hue_is_turned_as_in_torchvision(turn: float, seed: int) -> None:
    image = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(seed))
    turned = turned_hue(image, torch.full((4, 1, 1), turn))
    torch.testing.assert_close(turned, reference.adjust_hue(image, turn), atol=1e-4, rtol=0)


def test_grey_images_have_no_colours_to_change() -> None:
    with pytest.raises(Incompatible, match="needs images in colour"):
        ColourJitter(DatasetSpec(ImageSpec(1, 8, 8), {}))


def test_every_sample_is_changed_by_itself() -> None:
    for augmentation in (ColourJitter(COLOUR, probability=1.0), RandomResizedCrop(COLOUR, area=(0.3, 0.5))):
        same = Batch(batch(1).image.expand(8, -1, -1, -1), {"digit": torch.zeros(8, dtype=torch.int64)})
        image = augmentation(same, random()).image
        assert len(torch.unique(image.flatten(1), dim=0)) == 8


def test_a_crop_of_the_whole_is_the_image() -> None:
    given = batch()
    crop = RandomResizedCrop(COLOUR, area=(1.0, 1.0), aspect=(1.0, 1.0))
    torch.testing.assert_close(crop(given, random()).image, given.image, atol=1e-6, rtol=0)


def test_a_crop_is_the_part_stretched() -> None:
    # A quarter of the image, drawn in its upper left corner: twice as large, pixel edges on pixel edges.
    given = batch()
    crop = RandomResizedCrop(COLOUR, area=(0.25, 0.25), aspect=(1.0, 1.0))
    changed = crop(given, Fixed(8, 0.0)).image
    expected = torch.nn.functional.interpolate(
        given.image[:, :, :3, :4], scale_factor=2, mode="bilinear", align_corners=False
    )
    # Inside; at the border the crop sees the neighbours that a cut-out part has not.
    torch.testing.assert_close(changed[:, :, :5, :7], expected[:, :, :5, :7], atol=1e-5, rtol=0)


def test_labels_of_pixels_move_with_the_crop() -> None:
    labels = {"mask": PixelClasses(("x", "y", "z"), 6, 8)}
    spec = DatasetSpec(ImageSpec(3, 6, 8), labels)
    mask = (torch.arange(48).view(1, 6, 8) % 3).expand(8, -1, -1).contiguous()
    given = Batch(batch().image, {"mask": mask})
    crop = RandomResizedCrop(spec, area=(0.25, 0.25), aspect=(1.0, 1.0))
    changed = crop(given, Fixed(8, 0.0)).labels["mask"]
    assert torch.equal(changed, mask[:, :3, :4].repeat_interleave(2, 1).repeat_interleave(2, 2))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_shares_have_the_distribution_they_are_said_to_have(alpha: float) -> None:
    count = 4000
    shares = Mixup(COLOUR, alpha=alpha).shares(random(count)).numpy()
    # Kolmogorov and Smirnov: beyond this in one of 10,000 samples.
    distance = np.abs(np.arange(1, count + 1) / count - beta(alpha, alpha).cdf(np.sort(shares))).max()
    assert distance < 2.2 / np.sqrt(count)


def test_a_mixture_is_so_much_of_one_image_and_the_rest_of_the_other() -> None:
    given = batch()
    changed = Mixup(COLOUR, alpha=1.0)(given, random())
    assert changed.mixture is not None
    partner, share = changed.mixture
    own = share.view(-1, 1, 1, 1)
    torch.testing.assert_close(changed.image, own * given.image + (1 - own) * given.image[partner])
    assert torch.equal(changed.labels["digit"], given.labels["digit"])


def test_a_rectangle_counts_for_its_pixels() -> None:
    given = batch()
    changed = Cutmix(COLOUR, probability=1.0)(given, random())
    assert changed.mixture is not None
    partner, share = changed.mixture
    other = (changed.image != given.image).any(dim=1)
    assert torch.equal(changed.image, torch.where(other[:, None], given.image[partner], given.image))
    torch.testing.assert_close(share, 1.0 - other.float().mean(dim=(1, 2)))
    assert bool((share < 1.0).any())


def test_what_is_not_mixed_is_left_alone() -> None:
    for kind in (Mixup, Cutmix):
        given = batch()
        changed = kind(COLOUR, probability=0.0)(given, random())
        assert changed.mixture is not None
        assert torch.equal(changed.image, given.image)
        assert torch.equal(changed.mixture.share, torch.ones(8))


def test_the_loss_is_that_of_the_mixed_label() -> None:
    form = Categorical(("a", "b", "c"))
    target = torch.tensor([0, 1, 2, -1])
    raw = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    share = torch.tensor([0.75, 0.5, 1.0, 0.25])
    mixture = Mixture(torch.tensor([3, 2, 1, 0]), share)
    # Sample 0 has half a label, sample 3 only its partner's.
    soft = torch.tensor([[0.75, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [0.75, 0.0, 0.0]])
    expected = -(soft * raw.log_softmax(dim=1)).sum() / soft.sum()
    loss = CrossEntropy(form)
    answers = known_mixture(target, form, mixture)
    torch.testing.assert_close(mean_loss(loss, raw, answers), expected)
    first, second = answers.split([2, 2])
    for part, rows in ((first, slice(0, 2)), (second, slice(2, 4))):
        expected = -(soft[rows] * raw[rows].log_softmax(dim=1)).sum() / soft[rows].sum()
        torch.testing.assert_close(mean_loss(loss, raw[rows], part), expected)
        torch.testing.assert_close(part.count, soft[rows].sum())


def composed(registry: Registry, augmentations: Any, **tree: Any) -> Composition:
    values = {"tasks": ["classify", "parity"], "encoder": {"name": "mlp", "hidden": [4]}, **tree}
    return compose(read(RecipeSource({**values, "augmentations": augmentations}), registry), registry)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_training_with_mixtures_is_resumed_bit_for_bit(name: str, registry: Registry) -> None:
    def trainer() -> Trainer:
        train = {"epochs": 2, "validation": 0.9, "batch_size": 32}
        composition = composed(registry, ["flip", name], train=train)
        splits = load_splits(composition.dataset, validation=0.9, split_seed=0)
        return Trainer(composition, splits, torch.device("cpu"))

    whole, half, rest = trainer(), trainer(), trainer()
    rows = [result.row for result in whole.epochs()]
    rest.restore(next(iter(half.epochs())).checkpoint)
    (last,) = rest.epochs()
    assert last.row["train/classify/loss"] == rows[1]["train/classify/loss"]
    one, two = (it.composition.model.state_dict() for it in (whole, rest))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        (["classify", "rotation"], "task 'rotation' turns or changes it with its label"),
        (["random-sum"], "task 'random-sum' asks for something else of each image"),
        (
            {"classify": {"loss": "focal"}},
            "task 'classify' has a loss that takes no mixture of two answers",
        ),
    ],
)
@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_tasks_that_cannot_have_two_answers_are_refused(
    name: str, tasks: Any, told: str, registry: Registry
) -> None:
    with pytest.raises(RecipeError, match=f"{name!r} makes one image of two, and {told}") as caught:
        composed(registry, [name], tasks=tasks)
    assert caught.value.problems[0].hint


def test_values_and_pixels_cannot_be_mixed(registry: Registry) -> None:
    data = {"name": "shapes-synthetic", "train_size": 40, "test_size": 16}
    with pytest.raises(RecipeError, match="'shape-count' has a loss that takes no mixture"):
        composed(registry, ["mixup"], dataset=data, tasks=["shape-count"])


def test_mixtures_come_last(registry: Registry) -> None:
    for augmentations in (["mixup", "flip"], ["cutmix", "mixup"]):
        with pytest.raises(RecipeError, match="it must be the last augmentation"):
            composed(registry, augmentations)


def test_an_image_that_is_answered_is_the_mixed_one(registry: Registry) -> None:
    composed(registry, ["mixup"], tasks=["classify", "denoise"])
