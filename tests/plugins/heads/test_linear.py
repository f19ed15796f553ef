from __future__ import annotations

import torch

from mtl.core.contracts import HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.forms import Binary
from mtl.plugins.heads.linear import Linear

SPEC = HeadSpec(ImageSpec(1, 8, 8), (FeatureSpec(2), FeatureSpec(64)), Binary())


def test_only_the_last_stage_is_read() -> None:
    head, last = Linear(SPEC), torch.randn(3, 64)
    one, two = (head(Features((torch.randn(3, 2), last), torch.rand(3, 1, 8, 8), {})) for _ in range(2))
    assert torch.equal(one, two)


def test_dropout_acts_in_training_only() -> None:
    head = Linear(SPEC, dropout=0.5)
    features = Features((torch.randn(3, 2), torch.randn(3, 64)), torch.rand(3, 1, 8, 8), {})
    assert not torch.equal(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))
