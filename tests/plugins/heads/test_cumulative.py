"""Cumulative logits: probabilities of classes in order, against their equations."""

import numpy as np
import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.forms import Categorical, Ordinal
from mtl.plugins.heads.cumulative import Cumulative
from mtl.plugins.losses.cumulative import Cumulative as CumulativeLoss

FOUR = Ordinal(("poor", "fair", "good", "best"))


def head_for(form):
    return Cumulative(HeadSpec(ImageSpec(1, 4, 4), (FeatureSpec(3),), form))


def features(values):
    return Features((values,), torch.zeros(len(values), 1, 4, 4), {})


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("classes", ["ab", "abc", "abcdef"])
def test_probabilities_are_differences_of_sigmoids_at_rising_thresholds(classes):
    form = Ordinal(tuple(classes))
    head = head_for(form).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
        seen = torch.randn(20, 3, generator=torch.Generator().manual_seed(1)).double()
        thresholds, _ = head.thresholds()
        assert (thresholds.diff() > 0).all()
        score = (seen @ head.layers[-1].weight.T + head.layers[-1].bias).numpy()
        above = np.concatenate([np.ones_like(score), sigmoid(score - thresholds.numpy()), 0 * score], axis=1)
        given = form.predict(head(features(seen))).numpy()
    np.testing.assert_allclose(given, above[:, :-1] - above[:, 1:], atol=1e-12)


def test_before_training_all_classes_are_equally_likely_at_a_score_of_zero():
    head = head_for(FOUR)
    for parameter in head.layers.parameters():
        torch.nn.init.zeros_(parameter)
    assert head(features(torch.zeros(1, 3))).exp().tolist()[0] == pytest.approx([0.25] * 4, abs=1e-5)


def test_far_scores_are_finite_and_have_gradients():
    head = head_for(FOUR)
    seen = 1e4 * torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    loss = CumulativeLoss(FOUR)(head(features(seen)), torch.arange(8) % 4)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_the_loss_is_the_cross_entropy_of_being_above_each_class():
    raw = torch.randn(12, 4, generator=torch.Generator().manual_seed(3))
    target = torch.arange(12) % 4
    chances = np.exp(raw.numpy()) / np.exp(raw.numpy()).sum(1, keepdims=True)
    wanted = []
    for chance, right in zip(chances, target.tolist(), strict=True):
        above = [chance[k + 1 :].sum() for k in range(3)]
        wanted.append(-np.mean([np.log(p if right > k else 1 - p) for k, p in enumerate(above)]))
    assert CumulativeLoss(FOUR)(raw, target).tolist() == pytest.approx(wanted, rel=1e-4)


def test_an_answer_costs_the_more_the_farther_it_is():
    raw = FOUR.ideal(torch.tensor([0, 1, 2, 3]))
    losses = CumulativeLoss(FOUR)(raw, torch.zeros(4, dtype=torch.int64)).tolist()
    assert losses == sorted(losses)
    assert losses[0] < 0.1


def test_classes_without_order_are_refused():
    with pytest.raises(Incompatible, match="classes in order"):
        head_for(Categorical(("a", "b")))
    with pytest.raises(Incompatible, match="classes in order"):
        CumulativeLoss(Categorical(("a", "b")))
