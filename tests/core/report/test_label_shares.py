"""How often each label is true stands beside how many there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mtl.core.contracts import Form
from mtl.core.report.label_shares import shares_of
from mtl.plugins.forms import Binary, Categorical, Multilabel, Ordinal, Regression

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("form", "column", "shares"),
    [
        (Categorical(("a", "b", "c")), torch.tensor([0, 2, 2, -1, 2]), [0.25, 0.0, 0.75]),
        (Ordinal(("low", "high")), torch.tensor([1, 1, -1]), [0.0, 1.0]),
        (Binary("no", "yes"), torch.tensor([1, 0, 0, 0, -1]), [0.75, 0.25]),
        (
            Multilabel(("red", "round")),
            torch.tensor([[1, 0], [1, -1], [0, 1]], dtype=torch.int8),
            [2 / 3, 0.5],
        ),
        (Categorical(("a", "b")), torch.tensor([-1, -1]), [0.0, 0.0]),
    ],
)
def test_shares_are_those_of_labels_that_are_there(
    form: Form, column: torch.Tensor, shares: list[float]
) -> None:
    np.testing.assert_allclose(shares_of(form, column), shares, rtol=1e-6)


def test_columns_without_classes_are_left_out(make: Make, wanted: Any) -> None:
    assert re.findall("Share of each label of ([a-z]+)", make(Regression(("size",), "mm")).page()) == []
