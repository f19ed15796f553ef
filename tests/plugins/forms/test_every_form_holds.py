"""Every form finds again that a column of its own answers is one that it holds."""

import pytest
import torch

from mtl.core.contracts.specs import ImageSpec
from mtl.core.discovery.registry import discover

IMAGE = ImageSpec(3, 8, 6)
FORMS = [form for entry in discover().entries("form") for form in entry.load().specimens(IMAGE)]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_form_holds_a_column_of_its_answers(form):
    targets = form.draw(40, torch.Generator().manual_seed(0))
    found = type(form).holding(targets.numpy(), IMAGE)
    assert found is not None
    assert found.output_shape == form.output_shape


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_form_holds_texts(form):
    assert type(form).holding(torch.zeros(4).numpy().astype(str), IMAGE) is None
