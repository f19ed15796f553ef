"""A batch's loss is the mean over present labels only."""

from __future__ import annotations

import torch
from torch import Tensor

from mtl.core.composition.losses import masked_loss
from mtl.core.contracts import Form, Loss
from mtl.plugins.forms import Categorical, Image, Regression


class Distance(Loss):
    def __init__(self, target: Form) -> None:
        super().__init__(target)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        difference = raw - target if raw.shape == target.shape else raw[:, 0] - target
        return difference.abs().flatten(1).mean(1) if difference.dim() > 1 else difference.abs()


def test_absent_class_labels_do_not_count() -> None:
    raw = torch.tensor([[3.0, 0.0], [5.0, 0.0]], requires_grad=True)
    loss, count = masked_loss(Distance(Categorical(("a", "b"))), raw, torch.tensor([1, -1]))
    assert (loss.item(), count.item()) == (2.0, 1.0)
    loss.backward()
    assert raw.grad is not None
    assert raw.grad[1].tolist() == [0.0, 0.0]


def test_absent_values_do_not_poison_the_gradient() -> None:
    raw = torch.ones(2, 1, requires_grad=True)
    target = torch.tensor([[3.0], [float("nan")]])
    loss, count = masked_loss(Distance(Regression(("x",))), raw, target)
    loss.backward()
    assert (loss.item(), count.item()) == (2.0, 1.0)
    assert raw.grad is not None
    assert raw.grad.flatten().tolist() == [-1.0, 0.0]


def test_without_any_label_the_loss_is_zero_and_counts_nothing() -> None:
    loss, count = masked_loss(Distance(Categorical(("a",))), torch.ones(2, 1), torch.tensor([-1, -1]))
    assert (float(loss), float(count)) == (0.0, 0.0)


def test_images_are_always_present() -> None:
    image = torch.zeros(3, 1, 2, 2)
    loss, count = masked_loss(Distance(Image(1, 2, 2)), image + 1, image)
    assert (float(loss), float(count)) == (1.0, 3.0)
