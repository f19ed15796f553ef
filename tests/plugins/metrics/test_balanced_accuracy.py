"""Balanced accuracy against scikit-learn."""

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from mtl.plugins.forms import Binary, Categorical
from mtl.plugins.metrics.balanced_accuracy import BalancedAccuracy

CLASSES = Categorical(tuple("abcd"))


def expected(truth, chosen):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes that are only predicted
        return balanced_accuracy_score(truth, chosen)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_classes_agree_with_scikit_learn(pairs):
    truth, chosen = zip(*pairs, strict=True)
    metric = BalancedAccuracy(CLASSES)
    for right, answer in pairs:
        metric.update(torch.eye(4)[answer][None], torch.tensor([right]))
    assert float(metric.compute()) == pytest.approx(expected(truth, chosen))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_yes_and_no_agree_with_scikit_learn(pairs):
    truth, chosen = zip(*pairs, strict=True)
    metric = BalancedAccuracy(Binary())
    metric.update(torch.tensor(chosen).float(), torch.tensor(truth).long())
    assert float(metric.compute()) == pytest.approx(expected(truth, chosen))


def test_a_constant_answer_reaches_one_over_the_classes_however_rare_they_are():
    metric = BalancedAccuracy(CLASSES)
    truth = torch.tensor([0] * 97 + [1, 2, 3])
    metric.update(torch.tensor([[0.9, 0.0, 0.0, 0.1]]).expand(100, 4), truth)
    assert float(metric.compute()) == pytest.approx(0.25)


def test_nothing_added_is_not_a_number():
    assert math.isnan(float(BalancedAccuracy(CLASSES).compute()))
