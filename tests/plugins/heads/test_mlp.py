from __future__ import annotations

from torch import nn

from mtl.core.contracts import HeadSpec
from mtl.core.contracts.specs import FeatureSpec, ImageSpec
from mtl.plugins.forms import Categorical
from mtl.plugins.heads.mlp import MLPHead


def test_hidden_layers_come_before_the_answer() -> None:
    spec = HeadSpec(ImageSpec(1, 8, 8), (FeatureSpec(3, 2, 2),), Categorical(("a", "b")))
    head = MLPHead(spec, hidden=(7, 5), activation="gelu")
    widths = [(m.in_features, m.out_features) for m in head.modules() if isinstance(m, nn.Linear)]
    assert widths == [(12, 7), (7, 5), (5, 2)]
