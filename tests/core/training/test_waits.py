"""What waits for the device is known by its line in somebody's code."""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch

from mtl.core.training.waits import noted_waits

SYNCHRONIZES = "called a synchronizing CUDA operation (Triggered internally at CUDAFunctions.cpp:158.)"


@pytest.fixture(autouse=True)
def modes(monkeypatch: pytest.MonkeyPatch) -> list[str | int]:
    """Replace torch's switch; its warning that it is a prototype is an error in these tests."""
    found: list[str | int] = []

    def switch(mode: str | int) -> None:
        warnings.warn("Synchronization debug mode is a prototype feature", stacklevel=2)
        found.append(mode)

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", switch)
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: 0)
    return found


def reads_back() -> int:
    """Stand in for a plugin's `.item()`: torch warns of it from where it is called."""
    warnings.warn(SYNCHRONIZES, stacklevel=1)
    return inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]


def test_the_line_is_told_each_time(modes: list[str | int]) -> None:
    with noted_waits() as waits:
        line = reads_back()
        reads_back()
    assert waits == [f"{__file__}:{line}"] * 2
    assert modes == ["warn", 0]


def test_the_line_is_not_one_of_torch() -> None:
    class Layer(torch.nn.Module):
        def forward(self) -> int:
            return reads_back()

    with noted_waits() as waits:
        line = Layer()()
    assert waits == [f"{__file__}:{line}"]


def test_other_warnings_are_shown_as_ever() -> None:
    with pytest.warns(UserWarning, match="lookout"), noted_waits() as waits:
        warnings.warn("lookout", stacklevel=1)
    assert waits == []


def test_the_switch_is_put_back_when_work_fails(modes: list[str | int]) -> None:
    with pytest.raises(ZeroDivisionError), noted_waits():
        _ = 1 / 0
    assert modes == ["warn", 0]
