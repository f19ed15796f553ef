from __future__ import annotations

from importlib import import_module

import pytest

from mtl.core.contracts import Dataset
from mtl.plugins.datasets import COMPONENTS


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.name)
def test_every_record_is_valid_and_leads_to_a_data_set(component):
    module, name = component.target.split(":")
    assert component.problems() == []
    assert component.kind == "dataset"
    assert issubclass(getattr(import_module(module), name), Dataset)


def test_the_default_data_set_needs_no_download():
    assert [component.name for component in COMPONENTS if "recipe" in component.default_for] == ["digits"]
