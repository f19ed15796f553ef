"""Metrics of attributes against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Binary, Multilabel
from mtl.plugins.metrics.attribute_accuracy import AttributeAccuracy
from mtl.plugins.metrics.attribute_scores import AttributeScores
from mtl.plugins.metrics.mean_average_precision import MeanAveragePrecision

THREE = Multilabel(("striped", "round", "red"))


@pytest.fixture
def answers():
    random = np.random.default_rng(3)
    # Ties, a certain answer at one half, and a quarter unknown.
    prediction = random.integers(0, 9, (40, 3)).astype(np.float32) / 8
    target = random.choice([-1, 0, 0, 1], (40, 3)).astype(np.int8)
    return prediction, target


def judged(metric, prediction, target):
    for part, right in zip(np.array_split(prediction, 3), np.array_split(target, 3), strict=True):
        metric.update(torch.from_numpy(part), torch.from_numpy(right))
    return metric.compute()


def test_each_attribute_is_judged_over_the_samples_of_which_it_is_known(answers):
    prediction, target = answers
    rows = judged(AttributeScores(THREE), *answers).tolist()
    for index, row in enumerate(rows):
        known = target[:, index] >= 0
        right, given = target[known, index], prediction[known, index]
        wanted = [
            known.sum(),
            right.sum(),
            reference.recall_score(right, given >= 0.5),
            reference.precision_score(right, given >= 0.5),
            reference.average_precision_score(right, given),
        ]
        assert row == pytest.approx(wanted, rel=1e-5)


def test_the_mean_is_over_attributes_that_some_sample_has(answers):
    prediction, target = answers
    target[:, 1] = np.minimum(target[:, 1], 0)
    wanted = []
    for index in (0, 2):
        known = target[:, index] >= 0
        wanted.append(reference.average_precision_score(target[known, index], prediction[known, index]))
    got = float(judged(MeanAveragePrecision(THREE), prediction, target))
    assert got == pytest.approx(np.mean(wanted), rel=1e-5)


def test_an_attribute_of_which_nothing_is_known_is_left_out(answers):
    prediction, target = answers
    target[:, 2] = -1
    assert 0 < float(judged(MeanAveragePrecision(THREE), prediction, target)) <= 1
    assert judged(AttributeScores(THREE), prediction, target)[2].isnan().tolist() == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_accuracy_counts_what_is_known_and_one_half_says_yes(answers):
    prediction, target = answers
    known = target >= 0
    wanted = ((prediction >= 0.5) == (target == 1))[known].mean()
    assert float(judged(AttributeAccuracy(THREE), *answers)) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("metric", [AttributeAccuracy, AttributeScores, MeanAveragePrecision])
def test_other_answers_are_refused_and_nothing_added_is_no_number(metric):
    with pytest.raises(Incompatible, match="needs attributes, got a binary answer"):
        metric(Binary())
    assert metric(THREE).compute().isnan().flatten()[-1]
