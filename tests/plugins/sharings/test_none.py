from __future__ import annotations

import torch

from mtl.core.contracts.specs import ImageSpec
from mtl.plugins.encoders.mlp import MLP
from mtl.plugins.sharings.none import Separate


def test_every_task_has_an_encoder_initialised_for_itself() -> None:
    sharing = Separate(("a", "b"), lambda: MLP(ImageSpec(1, 4, 4), ()))
    one, two = (encoder.stages[0][1].weight for encoder in sharing.encoders)
    assert not torch.equal(one, two)
