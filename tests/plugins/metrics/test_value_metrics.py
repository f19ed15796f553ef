"""Metrics of values and images, against closed forms and scikit-learn."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Binary, Categorical, Image, Regression
from mtl.plugins.metrics.binary_cross_entropy import BinaryCrossEntropy
from mtl.plugins.metrics.mean_absolute_error import MeanAbsoluteError
from mtl.plugins.metrics.mean_squared_error import MeanSquaredError
from mtl.plugins.metrics.psnr import Psnr
from mtl.plugins.metrics.root_mean_squared_error import RootMeanSquaredError
from mtl.plugins.metrics.ssim import Ssim

COUNTS = Regression(("a", "b", "c"))
PICTURE = Image(2, 16, 16)


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def judge(metric, prediction, target, sizes=None):
    sizes = sizes or [len(prediction)]
    for some, right in zip(prediction.split(sizes), target.split(sizes), strict=True):
        metric.update(some, right)
    return float(metric.compute())


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (MeanSquaredError, reference.mean_squared_error),
        (MeanAbsoluteError, reference.mean_absolute_error),
        (RootMeanSquaredError, lambda truth, value: math.sqrt(reference.mean_squared_error(truth, value))),
    ],
)
def test_errors_of_values_agree_with_scikit_learn_however_they_were_batched(metric, expected):
    value, truth = 10 * uniform(20, 3), 10 * uniform(20, 3, seed=1)
    assert judge(metric(COUNTS), value, truth, [1, 16, 3]) == pytest.approx(
        expected(truth.numpy(), value.numpy()), rel=1e-6
    )


def test_counts_may_be_rounded_first():
    value, truth = torch.tensor([[1.4, 2.6, 0.1]]), torch.tensor([[1.0, 2.0, 0.0]])
    assert judge(MeanAbsoluteError(COUNTS, round=True), value, truth) == pytest.approx(1 / 3)


def test_pixels_are_not_rounded():
    with pytest.raises(Incompatible, match="`round` is for counts"):
        RootMeanSquaredError(PICTURE, round=True)


def test_errors_of_pixels_are_at_most_one():
    assert MeanAbsoluteError(PICTURE).bounds == (0.0, 1.0)
    assert MeanAbsoluteError(COUNTS).bounds == (0.0, math.inf)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 1000))
def test_psnr_over_batches_is_psnr_over_the_whole(sizes, seed):
    count = sum(sizes)
    value, truth = uniform(count, 2, 16, 16, seed=seed), uniform(count, 2, 16, 16, seed=seed + 1)
    whole = -10 * math.log10(float((value.double() - truth.double()).square().mean()))
    assert judge(Psnr(PICTURE), value, truth, sizes) == pytest.approx(whole, abs=1e-5)


def test_psnr_is_not_the_mean_over_images():
    truth = torch.zeros(2, 2, 16, 16)
    value = torch.cat([torch.full((1, 2, 16, 16), 0.1), torch.full((1, 2, 16, 16), 0.01)])
    assert judge(Psnr(PICTURE), value, truth) == pytest.approx(
        -10 * math.log10((0.01 + 0.0001) / 2), abs=1e-4
    )


def test_psnr_of_a_tenth_is_twenty_decibels():
    assert judge(Psnr(PICTURE), torch.full((3, 2, 16, 16), 0.6), torch.full((3, 2, 16, 16), 0.5)) == (
        pytest.approx(20.0, abs=1e-4)
    )


def test_psnr_of_a_perfect_copy_is_infinite():
    assert judge(Psnr(PICTURE), uniform(2, 2, 16, 16), uniform(2, 2, 16, 16)) == math.inf


def test_ssim_of_the_same_image_is_one():
    assert judge(Ssim(PICTURE), uniform(3, 2, 16, 16), uniform(3, 2, 16, 16)) == pytest.approx(1.0)


def test_ssim_of_two_flat_images_is_the_luminance_term():
    value, truth = torch.full((2, 2, 16, 16), 0.3), torch.full((2, 2, 16, 16), 0.6)
    expected = (2 * 0.3 * 0.6 + 0.01**2) / (0.3**2 + 0.6**2 + 0.01**2)
    # Variances of flat images are differences of nearly equal float32 numbers.
    assert judge(Ssim(PICTURE), value, truth) == pytest.approx(expected, abs=5e-4)


def test_ssim_over_batches_is_the_mean_over_images():
    value, truth = uniform(6, 2, 16, 16), uniform(6, 2, 16, 16, seed=1)
    single = [judge(Ssim(PICTURE), value[i : i + 1], truth[i : i + 1]) for i in range(6)]
    assert judge(Ssim(PICTURE), value, truth, [1, 3, 2]) == pytest.approx(sum(single) / 6, abs=1e-6)


def test_ssim_serves_the_smallest_images_it_accepts_and_refuses_smaller_ones():
    small = Image(1, 6, 6)
    assert Ssim.accepts(small) is None
    assert judge(Ssim(small), uniform(2, 1, 6, 6), uniform(2, 1, 6, 6)) == pytest.approx(1.0)
    with pytest.raises(Incompatible, match="at least 6 x 6, got 5 x 8"):
        Ssim(Image(1, 5, 8))


def test_bce_is_torchs_mean_over_pixels_and_over_answers():
    value, truth = uniform(6, 2, 16, 16), uniform(6, 2, 16, 16, seed=1)
    expected = float(torch.nn.functional.binary_cross_entropy(value, truth))
    assert judge(BinaryCrossEntropy(PICTURE), value, truth, [5, 1]) == pytest.approx(expected, rel=1e-6)
    half = judge(BinaryCrossEntropy(Binary()), torch.full((4,), 0.5), torch.tensor([0, 1, 1, 0]))
    assert half == pytest.approx(math.log(2))


@pytest.mark.parametrize("rounded", [1.0, 1.0 - 2.0**-24])
def test_a_certain_and_wrong_answer_costs_the_same_however_it_was_rounded(rounded: float) -> None:
    wrong = judge(BinaryCrossEntropy(Binary()), torch.tensor([rounded, 0.5]), torch.tensor([0, 1]))
    assert wrong == pytest.approx((24 * math.log(2) + math.log(2)) / 2, rel=1e-5)


METRICS = {
    MeanSquaredError: "lower",
    MeanAbsoluteError: "lower",
    RootMeanSquaredError: "lower",
    BinaryCrossEntropy: "lower",
    Psnr: "higher",
    Ssim: "higher",
}


@pytest.mark.parametrize("metric", METRICS)
def test_classes_are_refused(metric):
    with pytest.raises(Incompatible, match="needs"):
        metric(Categorical(("a", "b")))


@pytest.mark.parametrize("metric", METRICS)
def test_a_reset_forgets_everything(metric):
    one, other = metric(PICTURE), metric(PICTURE)
    judge(one, uniform(2, 2, 16, 16, seed=3), uniform(2, 2, 16, 16, seed=4))
    one.reset()
    value, truth = uniform(2, 2, 16, 16, seed=5), uniform(2, 2, 16, 16, seed=6)
    assert judge(one, value, truth) == judge(other, value, truth)


@pytest.mark.parametrize("metric", METRICS)
def test_images_may_lie_in_memory_in_any_order(metric):
    value, truth = uniform(1, 2, 16, 16).expand(3, 2, 16, 16), uniform(3, 2, 16, 16, seed=1)
    expected = judge(metric(PICTURE), value.contiguous(), truth)
    last = truth.contiguous(memory_format=torch.channels_last)
    assert judge(metric(PICTURE), value, last) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_added_is_not_a_number(metric):
    assert metric(PICTURE).compute().isnan()


@pytest.mark.parametrize("metric", METRICS)
def test_better_pictures_score_in_the_stated_direction_within_the_bounds(metric):
    truth = uniform(4, 2, 16, 16)
    good = judge(metric(PICTURE), (0.9 * truth + 0.05), truth)
    bad = judge(metric(PICTURE), 1 - truth, truth)
    assert metric(PICTURE).direction == METRICS[metric] == ("higher" if good > bad else "lower")
    low, high = metric(PICTURE).bounds
    assert low <= min(good, bad)
    assert max(good, bad) <= high


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_pictures_that_are_not_finite_score_nothing(metric, value):
    judged, truth = metric(PICTURE), uniform(3, 2, 16, 16)
    prediction = truth.clone()
    prediction[1, 0, 3, 3] = value
    found = float(judge(judged, prediction, truth))
    worst = float("-inf") if judged.direction == "higher" else float("inf")
    assert math.isnan(found) or found == worst


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_probabilities_that_are_not_finite_are_no_certain_answers(value):
    judged = BinaryCrossEntropy(Binary())
    judged.update(torch.tensor([value, 0.5]), torch.tensor([1, 1]))
    assert judged.compute().isnan()
