"""The device is chosen, or refused with what there is."""

from __future__ import annotations

import pytest
import torch

from mtl.core.base.device import choose_device
from mtl.core.base.errors import MissingRequirementError, UsageError


def test_auto_is_cuda_where_there_is_one() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "meta", "cpu:x"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"device '{name}'"):
        choose_device(name)


def test_a_cuda_device_that_is_not_there_is_missing_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(MissingRequirementError, match="0 CUDA devices found"):
        choose_device("cuda")


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")
