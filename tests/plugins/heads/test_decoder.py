from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.forms import Image
from mtl.plugins.heads.decoder import Decoder

IMAGE = ImageSpec(1, 8, 8)
STAGES = (FeatureSpec(3, 4, 4), FeatureSpec(5))


def draw(spec: HeadSpec, batch: int = 2) -> Features:
    stages = tuple(torch.randn(batch, *stage.shape) for stage in spec.stages)
    return Features(stages, torch.rand(batch, *spec.image.shape), {})


def silence(decoder: Decoder) -> None:
    """Make the convolutions draw nothing."""
    with torch.no_grad():
        for parameter in decoder.trunk.parameters():
            parameter.zero_()


def test_pixel_values_are_the_input_image_minus_what_is_drawn() -> None:
    spec = HeadSpec(IMAGE, STAGES, Image(1, 8, 8))
    decoder, features = Decoder(spec), draw(spec)
    silence(decoder)
    assert torch.equal(decoder(features), features.image)


@pytest.mark.parametrize(
    ("target", "skip"),
    [(Image(1, 8, 8, "logit"), True), (Image(1, 8, 8), False), (Image(3, 8, 8), True)],
    ids=["logits", "without skip", "other channels"],
)
def test_otherwise_the_drawing_itself_is_the_answer(target: Image, skip: bool) -> None:
    spec = HeadSpec(IMAGE, STAGES, target)
    decoder = Decoder(spec, skip=skip)
    silence(decoder)
    assert not decoder(draw(spec)).any()


def test_with_skip_every_stage_and_the_image_change_the_drawing() -> None:
    spec = HeadSpec(IMAGE, STAGES, Image(1, 8, 8, "logit"))
    decoder, features = Decoder(spec), draw(spec)
    first, second = features.stages
    others = [
        features._replace(stages=(first + 1, second)),
        features._replace(stages=(first, second + 1)),
        features._replace(image=features.image + 1),
    ]
    assert not any(torch.equal(decoder(features), decoder(other)) for other in others)


def test_without_skip_only_the_last_stage_is_seen() -> None:
    spec = HeadSpec(IMAGE, STAGES, Image(1, 8, 8))
    decoder, features = Decoder(spec, skip=False), draw(spec)
    elsewhere = features._replace(
        stages=(features.stages[0] + 1, features.stages[1]), image=features.image + 1
    )
    assert torch.equal(decoder(features), decoder(elsewhere))


@pytest.mark.parametrize("last", [FeatureSpec(5), FeatureSpec(3, 4, 4)], ids=["vector", "map"])
def test_a_latent_lets_through_no_more_numbers_than_it_has(last: FeatureSpec) -> None:
    spec = HeadSpec(IMAGE, (last,), Image(1, 8, 8))
    decoder = Decoder(spec, skip=False, latent=2)
    layers = decoder.sources[0]
    assert layers[:2](torch.randn(7, *last.shape)).shape == (7, 2)
    assert decoder(draw(spec)).shape == (2, 1, 8, 8)


def test_a_latent_with_skip_is_refused() -> None:
    with pytest.raises(Incompatible, match="needs skip: false"):
        Decoder(HeadSpec(IMAGE, STAGES, Image(1, 8, 8)), latent=2)


def test_another_size_than_the_inputs_is_refused_only_with_skip() -> None:
    spec = HeadSpec(IMAGE, STAGES, Image(1, 16, 12))
    with pytest.raises(Incompatible, match="drawing 16 x 12 from an image of 8 x 8 needs skip: false"):
        Decoder(spec)
    assert Decoder(spec, skip=False)(draw(spec)).shape == (2, 1, 16, 12)


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    stage=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    skip=st.booleans(),
)
def test_any_image_size_is_drawn_from_a_stage_of_any_size(
    size: tuple[int, int], stage: tuple[int, int], skip: bool
) -> None:
    spec = HeadSpec(ImageSpec(2, *size), (FeatureSpec(3, *stage),), Image(2, *size))
    assert Decoder(spec, skip=skip)(draw(spec)).shape == (2, 2, *size)


def test_a_few_steps_of_training_take_noise_away() -> None:
    torch.manual_seed(0)
    spec = HeadSpec(IMAGE, STAGES, Image(1, 8, 8))
    decoder = Decoder(spec)
    optimizer = torch.optim.Adam(decoder.parameters(), 3e-3)
    clean = torch.full((16, 1, 8, 8), 0.5)
    stages = tuple(torch.zeros(16, *stage.shape) for stage in STAGES)
    for _ in range(150):
        noisy = clean + 0.1 * torch.randn_like(clean)
        loss = (decoder(Features(stages, noisy, {})) - clean).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1 * 0.01  # the noise has a variance of 0.01
