from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mtl.core.base.errors import Incompatible
from mtl.core.contracts import HeadSpec
from mtl.core.contracts.batch import Features
from mtl.core.contracts.specs import FeatureSpec, ImageSpec, InputSpec
from mtl.plugins.forms import Categorical
from mtl.plugins.heads.fusion import Fusion

SUMS = Categorical(tuple(str(value) for value in range(19)))
SPEC = HeadSpec(ImageSpec(1, 8, 8), (FeatureSpec(84),), SUMS, (InputSpec("number", 10),))


def test_a_task_without_extra_inputs_is_refused() -> None:
    alone = HeadSpec(SPEC.image, SPEC.stages, SUMS)
    assert Fusion.accepts(alone) == "needs a task with an extra input"
    with pytest.raises(Incompatible, match="needs a task with an extra input"):
        Fusion(alone)


def test_it_says_which_inputs_it_reads() -> None:
    assert Fusion(SPEC).fuses == {"number"}


def test_it_learns_to_add_the_number_to_the_digit_behind_the_features() -> None:
    torch.manual_seed(0)
    prototypes, image = torch.rand(10, 84), torch.zeros(100, 1, 8, 8)
    digit, number = torch.arange(10).repeat_interleave(10), torch.arange(10).repeat(10)
    head = Fusion(SPEC)
    optimizer = torch.optim.Adam(head.parameters(), 3e-3)
    for _ in range(200):
        logits = head(Features((prototypes[digit],), image, {"number": number}))
        optimizer.zero_grad()
        F.cross_entropy(logits, digit + number).backward()
        optimizer.step()
    assert (logits.argmax(1) == digit + number).float().mean().item() >= 0.985
