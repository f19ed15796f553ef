"""Metrics of torchmetrics as components: where their sums lie, and what is judged without torchmetrics."""

import sys
from pkgutil import resolve_name

import pytest
import torch

from mtl.plugins.forms import Binary, Categorical, Image
from mtl.plugins.metrics import COMPONENTS
from mtl.plugins.metrics.accuracy import Accuracy
from mtl.plugins.metrics.binary_cross_entropy import BinaryCrossEntropy
from mtl.plugins.metrics.confusion_matrix import ConfusionMatrix
from mtl.plugins.metrics.psnr import Psnr
from mtl.plugins.metrics.ssim import Ssim


@pytest.mark.parametrize(
    ("metric", "target"),
    [
        (Accuracy, Binary()),
        (ConfusionMatrix, Binary()),
        (BinaryCrossEntropy, Binary()),
        (Psnr, Image(1, 8, 8)),
        (Ssim, Image(1, 8, 8)),
    ],
)
def test_sums_follow_the_metric_to_a_device_and_stay_there(metric, target):
    judge = metric(target)
    judge.update(torch.rand(2, *target.output_shape), torch.ones(2, *target.output_shape).long())
    moved = judge.to("meta")
    moved.reset()
    assert {state.device for state in moved.counter.metric_state.values()} == {torch.device("meta")}


def test_a_metric_that_begins_on_a_device_keeps_its_sums_there():
    begun = BinaryCrossEntropy(Binary())
    begun.update(torch.rand(2, device="meta"), torch.ones(2, dtype=torch.int64, device="meta"))
    assert {state.device for state in begun.counter.metric_state.values()} == {torch.device("meta")}


def test_a_metric_of_nothing_is_no_number_before_and_after_a_reset():
    metric = Accuracy(Binary())
    assert metric.compute().isnan()
    metric.update(torch.tensor([0.9]), torch.tensor([1]))
    metric.reset()
    assert metric.compute().isnan()


def test_a_metric_serves_again_after_an_evaluation_in_inference_mode():
    metric = Accuracy(Binary())
    for answer in (0.9, 0.1):
        metric.reset()
        with torch.inference_mode():
            metric.update(torch.tensor([answer]), torch.tensor([1]))
        assert float(metric.compute()) == (answer > 0.5)


@pytest.mark.parametrize("target", [Categorical(("a", "b")), Binary(), Image(1, 8, 8)], ids=str)
def test_classes_and_images_are_judged_without_torchmetrics(target, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    kinds = {component.name: resolve_name(component.target) for component in COMPONENTS}
    answers = torch.rand(2, *target.output_shape)
    for name in target.metrics:
        metric = kinds[name](target)
        metric.update(answers, answers if target.is_image else torch.tensor([1, 0]))
        assert not metric.compute().isnan().any()
