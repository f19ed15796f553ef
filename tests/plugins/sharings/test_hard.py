from __future__ import annotations

import torch

from mtl.core.contracts import Encoder
from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.sharings.hard import Hard


def small_encoder() -> Encoder:
    return MLP(ImageSpec(1, 4, 4), ())


def test_all_tasks_see_the_very_same_features() -> None:
    outputs = Hard(("a", "b"), small_encoder)(torch.rand(2, 1, 4, 4), {}, ("a", "b"))
    assert outputs["a"] is outputs["b"]


def test_a_single_task_shares_nothing() -> None:
    assert Hard(("a",), small_encoder).shared_parameters() == []
