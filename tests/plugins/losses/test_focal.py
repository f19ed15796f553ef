"""The focal loss against its equation and against cross-entropy."""

import pytest
import torch
import torch.nn.functional as F

from mtl.core.base.errors import Incompatible
from mtl.plugins.forms import Binary, Categorical
from mtl.plugins.losses.focal import Focal

CLASSES = Categorical(("a", "b", "c"))
YES_NO = Binary()
RIGHT = torch.tensor([0, 1, 2, 1])
YES = torch.tensor([0, 1, 1, 0])


def logits(*shape):
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_the_loss_of_classes_is_its_equation(gamma):
    raw = logits(4, 3)
    p = raw.softmax(1)[torch.arange(4), RIGHT]
    torch.testing.assert_close(Focal(CLASSES, gamma=gamma)(raw, RIGHT), -((1 - p) ** gamma) * p.log())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_the_loss_of_yes_or_no_is_its_equation(gamma):
    raw = logits(4)
    p = torch.where(YES == 1, raw.sigmoid(), 1 - raw.sigmoid())
    torch.testing.assert_close(Focal(YES_NO, gamma=gamma)(raw, YES), -((1 - p) ** gamma) * p.log())


def test_without_focus_it_is_cross_entropy():
    raw = logits(4, 3)
    torch.testing.assert_close(Focal(CLASSES, gamma=0.0)(raw, RIGHT).mean(), F.cross_entropy(raw, RIGHT))


@pytest.mark.parametrize("gamma", [0.1, 1.0, 2.0])
@pytest.mark.parametrize("size", [1.0, 200.0])
def test_sure_answers_have_finite_gradients(gamma, size):
    raw = (size * torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])).requires_grad_()
    Focal(CLASSES, gamma=gamma)(raw, torch.tensor([0, 0])).sum().backward()
    assert raw.grad is not None
    assert raw.grad.isfinite().all()


def test_class_weights_multiply_the_loss():
    loss, plain = Focal(CLASSES, class_weights=(1.0, 2.0, 4.0)), Focal(CLASSES)
    loss.fit(torch.tensor([0, 1, 2]))
    raw = logits(4, 3).float()
    weights = torch.tensor([3 / 7, 6 / 7, 12 / 7])
    torch.testing.assert_close(loss(raw, RIGHT), plain(raw, RIGHT) * weights[RIGHT])
    assert loss.fits
    assert not plain.fits
    with pytest.raises(Incompatible, match="one class weight per class, 2, got 3"):
        Focal(YES_NO, class_weights=(1.0, 2.0, 4.0))
