"""The losses against closed forms and torch's own means."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Binary, Categorical, Image, Regression
from mtl.plugins.losses.binary_cross_entropy import BinaryCrossEntropy
from mtl.plugins.losses.cross_entropy import CrossEntropy
from mtl.plugins.losses.focal import Focal
from mtl.plugins.losses.mean_absolute_error import MeanAbsoluteError
from mtl.plugins.losses.mean_squared_error import MeanSquaredError
from mtl.plugins.losses.smooth_l1 import SmoothL1

CLASSES = Categorical(("a", "b", "c"))
YES_NO = Binary()
COUNTS = Regression(tuple("abcdef"))
PIXELS = Image(2, 3, 4)
LOGITS = Image(2, 3, 4, link="logit")


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


ACCEPTED = {
    CrossEntropy: {CLASSES},
    BinaryCrossEntropy: {YES_NO, LOGITS},
    Focal: {CLASSES, YES_NO},
    MeanSquaredError: {COUNTS, PIXELS, LOGITS},
    MeanAbsoluteError: {COUNTS, PIXELS, LOGITS},
    SmoothL1: {COUNTS, PIXELS, LOGITS},
}


@pytest.mark.parametrize("loss", ACCEPTED)
@pytest.mark.parametrize("target", [CLASSES, YES_NO, COUNTS, PIXELS, LOGITS], ids=str)
def test_a_loss_accepts_its_forms_and_refuses_the_others_with_a_reason(loss, target):
    if target in ACCEPTED[loss]:
        assert loss.accepts(target) is None
        assert loss(target).target == target
    else:
        assert "needs" in loss.accepts(target)
        with pytest.raises(Incompatible, match="needs"):
            loss(target)


def test_bce_of_pixel_values_says_what_to_use():
    assert (
        BinaryCrossEntropy.accepts(PIXELS)
        == "needs pixel logits, got an image of pixel values: use mse or l1"
    )


def test_cross_entropy_takes_logits_as_they_are():
    logits, right = normal(5, 3), torch.tensor([0, 1, 2, 0, 1])
    torch.testing.assert_close(CrossEntropy(CLASSES)(logits, right).mean(), F.cross_entropy(logits, right))


def test_cross_entropy_of_a_confident_right_answer_is_nearly_zero():
    # A second softmax would leave log(e + 2) - 1 = 0.55.
    assert float(CrossEntropy(CLASSES)(torch.tensor([[30.0, 0.0, 0.0]]), torch.tensor([0]))) < 1e-6


def test_cross_entropy_of_no_opinion_is_the_logarithm_of_the_classes():
    value = CrossEntropy(CLASSES)(torch.zeros(1, 3), torch.tensor([1]))
    assert value.tolist() == [pytest.approx(math.log(3))]


def test_label_smoothing_spreads_the_target():
    logits = normal(1, 3)
    share = 0.3
    target = torch.tensor([[share / 3, share / 3, 1 - share + share / 3]])
    expected = -(target * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(
        CrossEntropy(CLASSES, label_smoothing=share)(logits, torch.tensor([2])), expected
    )


def test_bce_of_yes_or_no_takes_logits_and_whole_numbers():
    logits, answers = normal(4), torch.tensor([0, 1, 1, 0])
    probability = logits.double().sigmoid()
    expected = -torch.where(answers == 1, probability.log(), (1 - probability).log())
    torch.testing.assert_close(BinaryCrossEntropy(YES_NO)(logits, answers), expected.float())


def test_bce_of_an_image_is_the_mean_over_its_pixels():
    logits, pixels = normal(5, 2, 3, 4), uniform(5, 2, 3, 4)
    values = BinaryCrossEntropy(LOGITS)(logits, pixels)
    assert values.shape == (5,)
    torch.testing.assert_close(values[3], F.binary_cross_entropy_with_logits(logits[3], pixels[3]))


ELEMENT_LOSSES = [
    (MeanSquaredError, F.mse_loss),
    (MeanAbsoluteError, F.l1_loss),
    (SmoothL1, F.smooth_l1_loss),
]


@pytest.mark.parametrize(("loss", "reference"), ELEMENT_LOSSES)
def test_values_are_averaged_over_their_names(loss, reference):
    raw, target = 3 * normal(4, 6), 3 * normal(4, 6, seed=1)
    values = loss(COUNTS)(raw, target)
    assert values.shape == (4,)
    torch.testing.assert_close(values.mean(), reference(raw, target))
    torch.testing.assert_close(values[2], reference(raw[2], target[2]))


@pytest.mark.parametrize(("loss", "reference"), ELEMENT_LOSSES)
def test_pixel_values_are_compared_as_they_are(loss, reference):
    raw, target = normal(4, 2, 3, 4), uniform(4, 2, 3, 4)
    torch.testing.assert_close(loss(PIXELS)(raw, target).mean(), reference(raw, target))


@pytest.mark.parametrize(("loss", "reference"), ELEMENT_LOSSES)
def test_pixel_logits_are_turned_into_pixels_first(loss, reference):
    raw, target = normal(4, 2, 3, 4), uniform(4, 2, 3, 4)
    torch.testing.assert_close(loss(LOGITS)(raw, target).mean(), reference(raw.sigmoid(), target))


@settings(deadline=None, max_examples=25)
@given(error=st.floats(-100, 100), beta=st.floats(0.1, 10))
def test_smooth_l1_is_a_parabola_and_then_a_line(error, beta):
    expected = error**2 / (2 * beta) if abs(error) < beta else abs(error) - beta / 2
    one = Regression(("x",))
    value = SmoothL1(one, beta=beta)(torch.tensor([[error]], dtype=torch.float64), torch.zeros(1, 1).double())
    assert float(value) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("loss", "raw", "target"),
    [
        (CrossEntropy(CLASSES), normal(3, 3), torch.tensor([0, 1, 2])),
        (BinaryCrossEntropy(YES_NO), normal(3), torch.tensor([0, 1, 1])),
        (MeanSquaredError(COUNTS), normal(3, 6), normal(3, 6, seed=1)),
    ],
)
def test_a_sample_does_not_change_the_loss_of_another(loss, raw, target):
    assert torch.allclose(loss(raw, target)[1:2], loss(raw[1:2], target[1:2]))


@pytest.mark.parametrize("target", [COUNTS, PIXELS, LOGITS], ids=str)
@pytest.mark.parametrize("loss", [MeanSquaredError, MeanAbsoluteError, SmoothL1])
def test_the_mean_of_a_batch_at_once_is_that_of_its_samples(loss, target):
    raw, wanted = normal(5, *target.output_shape), uniform(5, *target.output_shape)
    torch.testing.assert_close(loss(target).batch_mean(raw, wanted), loss(target)(raw, wanted).mean())
