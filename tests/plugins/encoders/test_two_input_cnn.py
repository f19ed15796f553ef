from __future__ import annotations

import pytest
import torch

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import ImageSpec, InputSpec
from mtl.plugins.encoders.two_input_cnn import TwoInputCNN

IMAGE = ImageSpec(1, 28, 28)
NUMBER = InputSpec("number", 10)


def test_without_an_extra_input_it_is_refused() -> None:
    assert TwoInputCNN.accepts(IMAGE, ()) == "needs exactly one extra input, got 0"
    with pytest.raises(Incompatible, match="needs exactly one extra input, got 0"):
        TwoInputCNN(IMAGE, ())


def test_with_two_extra_inputs_it_is_refused() -> None:
    reason = "needs exactly one extra input, got 2"
    assert TwoInputCNN.accepts(IMAGE, (NUMBER, InputSpec("other", 3))) == reason


def test_it_says_which_input_it_reads() -> None:
    assert TwoInputCNN(IMAGE, (NUMBER,)).fuses == {"number"}


def test_the_number_changes_the_features_from_the_join_on() -> None:
    encoder = TwoInputCNN(IMAGE, (NUMBER,)).eval()
    image = torch.rand(1, 1, 28, 28)
    three, four = (encoder(image, {"number": torch.tensor([value])}) for value in (3, 4))
    assert [torch.equal(one, two) for one, two in zip(three, four, strict=True)] == [True, True] + 3 * [False]
