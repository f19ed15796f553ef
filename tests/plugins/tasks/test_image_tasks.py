"""Tasks whose answer is an image, and the noise they share."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.contracts.batch import Batch
from mtl.core.contracts.randomness import SampleRandom, StepRandom
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.corruptions import add_noise
from mtl.plugins.forms import Image
from mtl.plugins.tasks.autoencode import Autoencode
from mtl.plugins.tasks.denoise import Denoise

SPEC = DatasetSpec(ImageSpec(3, 12, 10), {})
NOISES = ("gaussian", "dropout", "salt-and-pepper")


def images(count=4, value=None):
    shape = (count, *SPEC.image.shape)
    if value is not None:
        return torch.full(shape, value)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("noise", NOISES)
@settings(deadline=None, max_examples=25)
@given(amount=st.floats(0.0, 1.0), seed=st.integers(0, 1000))
def test_noisy_images_stay_images(noise, amount, seed):
    image = images()
    noisy = add_noise(image, noise, amount, StepRandom(4, "cpu", seed))
    assert noisy.shape == image.shape
    assert noisy.dtype == torch.float32
    assert noisy.min() >= 0.0
    assert noisy.max() <= 1.0


@pytest.mark.parametrize("noise", NOISES)
def test_no_amount_is_no_noise(noise):
    assert torch.equal(add_noise(images(), noise, 0.0, StepRandom(4, "cpu", 0)), images())


@pytest.mark.parametrize("noise", NOISES)
def test_noise_of_a_sample_does_not_depend_on_its_batch(noise):
    image = images(1).expand(3, -1, -1, -1)
    together = add_noise(image, noise, 0.3, SampleRandom(torch.tensor([5, 6, 7]), seed=1))
    alone = add_noise(image[:1], noise, 0.3, SampleRandom(torch.tensor([6]), seed=1))
    assert torch.equal(together[1:2], alone)


def test_gaussian_amount_is_the_standard_deviation():
    noisy = add_noise(images(64, 0.5), "gaussian", 0.1, StepRandom(64, "cpu", 0))
    assert abs(float((noisy - 0.5).std()) - 0.1) < 0.003


def test_dropout_blackens_the_given_share_of_pixels_in_all_channels_and_keeps_the_others():
    noisy = add_noise(images(64, 0.4), "dropout", 0.5, StepRandom(64, "cpu", 0))
    assert noisy.unique().tolist() == [0.0, pytest.approx(0.4)]
    assert torch.equal(noisy[:, 0], noisy[:, 2])
    assert abs(float((noisy[:, 0] == 0).float().mean()) - 0.5) < 0.03


def test_salt_and_pepper_are_equally_frequent():
    noisy = add_noise(images(64, 0.4), "salt-and-pepper", 0.4, StepRandom(64, "cpu", 0))
    assert abs(float((noisy == 0).float().mean()) - 0.2) < 0.03
    assert abs(float((noisy == 1).float().mean()) - 0.2) < 0.03


def test_denoising_asks_for_the_clean_image():
    task = Denoise(SPEC, amount=0.2)
    assert task.target_spec == Image(3, 12, 10)
    assert torch.equal(task.target(Batch(images(), {})), images())


def test_denoising_corrupts_what_the_model_sees_by_its_own_options():
    seen = Denoise(SPEC, noise="dropout", amount=1.0).corrupt(images(), StepRandom(4, "cpu", 0))
    assert torch.equal(seen, torch.zeros_like(seen))


def test_the_noisy_input_is_the_do_nothing_baseline_of_the_seed():
    # 20 dB before clipping; MNIST's black and white background gains by clipping.
    seen = Denoise(SPEC).corrupt(images(64, 0.5), StepRandom(64, "cpu", 0))
    assert abs(float(-10 * (seen - 0.5).square().mean().log10()) - 20.0) < 0.2


def test_a_plain_autoencoder_changes_nothing_and_says_so():
    task = Autoencode(SPEC)
    assert [task.transforms, task.prepares, task.corrupts] == [False, False, False]
    assert torch.equal(task.prepare(images()), images())
    assert torch.equal(task.corrupt(images(), StepRandom(4, "cpu", 0)), images())


def test_a_denoising_autoencoder_corrupts_and_says_so():
    task = Autoencode(SPEC, corruption="dropout", amount=0.5)
    assert task.corrupts
    assert not torch.equal(task.corrupt(images(), StepRandom(4, "cpu", 0)), images())


def test_binarising_is_idempotent_and_black_and_white():
    task = Autoencode(SPEC, binarise=True, threshold=0.5)
    assert task.prepares
    once = task.prepare(images())
    assert torch.equal(once, (images() > 0.5).float())
    assert torch.equal(task.prepare(once), once)


def test_an_autoencoder_asks_for_a_bottleneck_and_pixel_logits():
    task = Autoencode(SPEC, latent=2)
    assert task.head == {"name": "decoder", "skip": False, "latent": 2}
    assert task.target_spec == Image(3, 12, 10, link="logit")
    assert task.loss == "bce"
