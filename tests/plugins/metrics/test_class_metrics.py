"""Metrics of classes and of yes and no, against scikit-learn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Binary, Categorical, Image, Regression
from mtl.plugins.metrics.accuracy import Accuracy
from mtl.plugins.metrics.confusion_matrix import ConfusionMatrix
from mtl.plugins.metrics.f1 import F1
from mtl.plugins.metrics.precision import Precision
from mtl.plugins.metrics.recall import Recall

CLASSES = Categorical(tuple("abcde"))
YES_NO = Binary("even", "odd")
SCORES = [
    (Precision, reference.precision_score),
    (Recall, reference.recall_score),
    (F1, reference.f1_score),
]
answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)
yes_no = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def judge(metric, truth, chosen, parts=1):
    """Update with probabilities that favour the chosen answers, in several batches."""
    truth, chosen = torch.tensor(truth).long(), torch.tensor(chosen).long()
    for right, answer in zip(truth.chunk(parts), chosen.chunk(parts), strict=False):
        if isinstance(metric.target, Binary):
            prediction = torch.where(answer == 1, 0.9, 0.2)
        else:
            prediction = torch.full((len(answer), 5), 0.1).scatter(1, answer[:, None], 0.6)
        metric.update(prediction, right)
    return metric.compute()


@settings(deadline=None, max_examples=25)
@given(answers)
def test_accuracy_is_the_plain_share_of_right_answers(pairs):
    truth, chosen = zip(*pairs, strict=True)
    share = sum(right == answer for right, answer in pairs) / len(pairs)
    assert float(judge(Accuracy(CLASSES), truth, chosen, 3)) == pytest.approx(share)


@settings(deadline=None, max_examples=25)
@given(answers)
def test_macro_accuracy_is_macro_recall(pairs):
    truth, chosen = zip(*pairs, strict=True)
    expected = reference.recall_score(truth, chosen, average="macro", zero_division=0)
    assert float(judge(Accuracy(CLASSES, average="macro"), truth, chosen, 3)) == pytest.approx(expected)


def test_a_class_that_is_only_predicted_counts_as_0_and_one_that_never_occurs_does_not_count():
    assert float(judge(Accuracy(CLASSES, average="macro"), [0, 0, 1], [0, 2, 1])) == pytest.approx(1.5 / 3)


@settings(deadline=None, max_examples=25)
@given(yes_no)
def test_accuracy_of_yes_and_no_agrees_with_scikit_learn(pairs):
    truth, chosen = zip(*pairs, strict=True)
    assert float(judge(Accuracy(YES_NO), truth, chosen, 2)) == pytest.approx(
        reference.accuracy_score(truth, chosen)
    )


@pytest.mark.parametrize(("metric", "expected"), SCORES)
@pytest.mark.parametrize("average", [None, "macro", "weighted", "micro"])
@settings(deadline=None, max_examples=25)
@given(pairs=answers)
def test_scores_of_classes_agree_with_scikit_learn(metric, expected, average, pairs):
    truth, chosen = zip(*pairs, strict=True)
    value = judge(metric(CLASSES, average=average), truth, chosen, 3)
    assert float(value) == pytest.approx(expected(truth, chosen, average=average or "macro", zero_division=0))


@pytest.mark.parametrize(("metric", "expected"), SCORES)
@settings(deadline=None, max_examples=25)
@given(pairs=yes_no)
def test_scores_of_yes_agree_with_scikit_learn(metric, expected, pairs):
    truth, chosen = zip(*pairs, strict=True)
    value = judge(metric(YES_NO), truth, chosen, 2)
    assert float(value) == pytest.approx(expected(truth, chosen, zero_division=0))


@pytest.mark.parametrize(("metric", "expected"), SCORES)
@settings(deadline=None, max_examples=25)
@given(pairs=yes_no)
def test_yes_and_no_may_be_averaged_as_classes(metric, expected, pairs):
    truth, chosen = zip(*pairs, strict=True)
    value = judge(metric(YES_NO, average="macro"), truth, chosen)
    assert float(value) == pytest.approx(expected(truth, chosen, average="macro", zero_division=0))


@settings(deadline=None, max_examples=25)
@given(answers)
def test_the_confusion_matrix_has_the_truth_in_rows(pairs):
    truth, chosen = zip(*pairs, strict=True)
    expected = reference.confusion_matrix(truth, chosen, labels=range(5))
    assert judge(ConfusionMatrix(CLASSES), truth, chosen, 3).tolist() == expected.tolist()


def test_the_confusion_matrix_of_yes_and_no_has_no_first():
    assert judge(ConfusionMatrix(YES_NO), [1, 1, 1, 0], [1, 0, 0, 0]).tolist() == [[1, 0], [2, 1]]


def test_a_table_read_once_does_not_change_later():
    metric = ConfusionMatrix(YES_NO)
    table = judge(metric, [1], [1])
    judge(metric, [1], [1])
    assert table.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize("metric", [Accuracy, Precision, Recall, F1])
def test_a_reset_forgets_everything(metric):
    one = metric(CLASSES)
    judge(one, [0, 1, 2], [1, 2, 0])
    one.reset()
    assert float(judge(one, [3, 4], [3, 4])) == 1.0


@pytest.mark.parametrize("metric", [Accuracy, Precision, Recall, F1, ConfusionMatrix])
@pytest.mark.parametrize("target", [CLASSES, YES_NO])
def test_nothing_added_is_not_a_number(metric, target):
    assert metric(target).compute().isnan()


@pytest.mark.parametrize("metric", [Accuracy, Precision, Recall, F1, ConfusionMatrix])
@pytest.mark.parametrize("target", [Regression(("x",)), Image(1, 8, 8)])
def test_values_and_images_are_refused(metric, target):
    with pytest.raises(Incompatible, match="needs classes or yes and no"):
        metric(target)


def test_classes_are_higher_the_better_but_a_table_is_neither():
    assert Accuracy(CLASSES).direction == F1(CLASSES).direction == "higher"
    assert ConfusionMatrix(CLASSES).direction is None
    assert not ConfusionMatrix(CLASSES).scalar


@pytest.mark.parametrize("metric", [Accuracy, Precision, Recall, F1])
@pytest.mark.parametrize("target", [CLASSES, YES_NO], ids=["classes", "yes-no"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_answers_that_are_not_finite_are_wrong(metric, target, value):
    truth = torch.tensor([0, 1, 1, 0])
    shape = (4,) if target is YES_NO else (4, 5)
    judged = metric(target)
    judged.update(torch.full(shape, value), truth)
    assert judged.compute() == 0


def test_one_answer_that_is_not_finite_costs_one_sample():
    judged = Accuracy(CLASSES)
    prediction = torch.eye(5)[[0, 1, 2, 3]]
    prediction[0, 4] = float("nan")
    judged.update(prediction, torch.tensor([0, 1, 2, 3]))
    assert judged.compute() == pytest.approx(3 / 4)
    table = ConfusionMatrix(CLASSES)
    table.update(prediction, torch.tensor([0, 1, 2, 3]))
    assert table.compute().diagonal().tolist() == [0, 1, 1, 1, 0]
