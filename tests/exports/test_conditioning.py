"""What no runtime can know is not asked of a file: answers that move when weights are rounded otherwise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from mtl.core.base.errors import VerificationError
from mtl.exports.conditioning import rounded_otherwise
from mtl.exports.export import Export
from mtl.exports.side_by_side import SideBySide

TASK = "de-noise"


class Cancelling(nn.Module):
    """Adds a large number to every pixel and takes it away again."""

    def __init__(self, model: nn.Module, size: float) -> None:
        super().__init__()
        self.model = model
        self.more, self.less = (nn.Parameter(torch.full((8,), size)) for _ in range(2))

    def forward(self, image, inputs):
        answers = self.model(image, inputs)
        return {**answers, TASK: answers[TASK] + self.more * image - self.less * image}


class Otherwise:
    """A runtime that rounds otherwise, and answers `off` more."""

    name = "model.onnx"

    def __init__(self, subject, off: float = 0.0) -> None:
        self.subject, self.off = subject, off
        self.model = rounded_otherwise(subject.model, 9).eval()

    def run(self, feed, case=""):
        image, *_ = (torch.from_numpy(feed["image"]),)
        with torch.inference_mode():
            raw = self.model(image, {"number": torch.from_numpy(feed["number"])})
        answers = {task: target.predict(raw[task]).numpy() for task, target in self.subject.targets.items()}
        return {**answers, TASK: np.clip(answers[TASK] + np.float32(self.off), 0, 1)}


def compared(exported, size: float, off: float = 0.0) -> SideBySide:
    subject = dataclasses.replace(exported.subject, model=Cancelling(exported.subject.model, size).eval())
    side_by_side = SideBySide(Export(subject), Otherwise(subject, off))
    side_by_side.numbers()
    side_by_side.agreement()
    return side_by_side


def test_a_model_that_rounding_does_not_move_is_given_nothing(exported):
    assert compared(exported, 1.0).moved == {}
    with pytest.raises(VerificationError, match=r"'de-noise' differs by 0\.0003\d* at ") as caught:
        compared(exported, 1.0, off=3e-4)
    assert caught.value.hint is None


def test_a_file_may_differ_by_what_rounding_moves(exported):
    moved = compared(exported, 1e4).moved
    assert set(moved) == {TASK}
    assert 1e-4 < moved[TASK] < 1e-2


def test_a_file_that_differs_by_more_is_refused(exported):
    with pytest.raises(VerificationError, match=r"'de-noise' differs by 0\.02"):
        compared(exported, 1e3, off=0.02)


def test_a_model_whose_numbers_say_nothing_is_refused_and_the_reason_named(exported):
    with pytest.raises(VerificationError, match="'de-noise' differs by ") as caught:
        compared(exported, 1e8)
    assert caught.value.hint is not None
    assert "when its weights are rounded otherwise: the training nearly diverged" in caught.value.hint


def test_a_copy_differs_by_at_most_a_unit_in_the_last_place_and_is_the_same_again(exported):
    model = exported.subject.model
    one, again = (rounded_otherwise(model, 1).state_dict() for _ in range(2))
    for name, value in model.state_dict().items():
        assert torch.equal(one[name], again[name])
        assert torch.allclose(one[name], value, rtol=2.0**-22, atol=0.0)
    assert any(not torch.equal(one[name], value) for name, value in model.state_dict().items())
