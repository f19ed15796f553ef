"""The first layer that makes the pixels of small patches uncorrelated, and who fits it to what."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mtl.core.composition.composer import compose
from mtl.core.contracts.specs import ImageSpec
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry
from mtl.core.evaluation.fitting import fit
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.plugins.encoders.small_resnet import SmallResNet
from mtl.plugins.encoders.whitening import Whitening


def pictures(count: int = 60, seed: int = 0) -> Tensor:
    """Images whose pixels, and channels, resemble their neighbours."""
    noise = torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1, 1)
    return 3 * smooth + 2 * smooth.mean(dim=1, keepdim=True)


def second_moments(layer: Whitening, images: Tensor) -> Tensor:
    """The mean of the products of what the first half of the filters says of patches inside the images."""
    with torch.no_grad():
        said = layer(images)[:, : layer.width // 2, :-1, :-1]
    rows = said.transpose(0, 1).flatten(1).double()
    return rows @ rows.T / rows.shape[1]


def test_patches_of_the_images_it_was_fitted_to_become_uncorrelated_and_of_unit_variance() -> None:
    layer, images = Whitening(3), pictures()
    layer.fit(images.split(7))
    expected = torch.eye(12, dtype=torch.float64)
    assert torch.allclose(second_moments(layer, images), expected, atol=0.02)
    said = layer(images)
    assert torch.equal(said[:, 12:], -said[:, :12])


def test_what_is_fitted_is_a_function_of_the_images_and_stays() -> None:
    one, other = Whitening(3), Whitening(3)
    assert not torch.equal(one.filters, other.filters)
    one.fit(pictures().split(7))
    other.fit([pictures()])
    assert torch.allclose(one.filters, other.filters, atol=1e-5)
    taken = Whitening(3)
    taken.load_state_dict(one.state_dict())
    taken.fit([pictures(seed=1)])
    assert torch.equal(taken.filters, one.filters)


def test_directions_without_any_variance_give_finite_filters() -> None:
    layer = Whitening(1)
    layer.fit([torch.ones(4, 1, 8, 8)])
    assert layer.filters.isfinite().all()


def test_only_the_biases_of_the_filters_are_trained() -> None:
    encoder = SmallResNet(ImageSpec(3, 12, 12), (), widths=(4, 6), depth=1, whitening=True)
    plain = SmallResNet(ImageSpec(3, 12, 12), (), widths=(4, 6), depth=1)
    assert encoder.fits
    assert not plain.fits
    assert encoder.feature_specs == plain.feature_specs
    stem = encoder.stages.get_submodule("stem")
    assert [name for name, _ in stem[0].named_parameters()] == ["bias"]  # type: ignore[index]


@pytest.mark.parametrize("sharing", ["hard", "none"])
def test_a_training_fits_every_encoder_to_its_normalised_images(registry: Registry, sharing: str) -> None:
    tree: dict[str, Any] = {
        "dataset": {"name": "shapes-synthetic", "train_size": 40},
        "tasks": ["shape-class", "shape-count"],
        "sharing": sharing,
        "encoder": {"name": "small-resnet", "widths": [4, 4], "depth": 1, "whitening": True},
    }
    composition = compose(read(RecipeSource(tree), registry), registry)
    train = load_splits(composition.dataset, validation=0.2, split_seed=0).train
    composition.model.normalization.set([0.2], [0.5])
    fit(composition, train)
    expected = Whitening(1)
    expected.fit([(train.batch(torch.arange(len(train))).image - 0.2) / 0.5])
    found = [part.filters for part in composition.model.modules() if isinstance(part, Whitening)]
    assert len(found) == (1 if sharing == "hard" else 2)
    assert all(torch.allclose(filters, expected.filters, atol=1e-4) for filters in found)
