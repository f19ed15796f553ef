"""What would wait for a CUDA device is found without one, and its line is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mtl.core.testing.waiting import first_wait


def if_positive(value: Tensor) -> Tensor:
    return value if value.sum() > 0 else -value


WAITS: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "a number": (lambda value: value.sum().item(), "its value is read"),
    "a list": (lambda value: value.tolist(), "its value is read"),
    "a decision": (if_positive, "its value is read"),
    "a scalar as an index": (lambda value: value[value.argmax()], "its value is read"),
    "places of what is not 0": (lambda value: value.nonzero(), "its value is read"),
    "a mask": (lambda value: value[value > 0], "its value is read"),
    "a masked assignment": (lambda value: value.index_put_((value > 0,), value.sum()), "counted"),
    "to the CPU": (lambda value: value.cpu(), "a copy between"),
    "from the CPU": (lambda value: value.copy_(torch.ones(3, device="cpu")), "a copy between"),
    "to NumPy": (lambda value: value.numpy(), ".numpy() is not supported"),
}


@pytest.mark.parametrize("name", WAITS)
def test_what_waits_is_named_with_its_line(name: str) -> None:
    work, what = WAITS[name]
    found = first_wait(lambda place: work(place(torch.ones(3))))
    assert found is not None
    assert what in found
    assert f"{Path(__file__).name}:" in found


def test_what_stays_on_the_device_does_not_wait() -> None:
    def work(place: Callable[[nn.Module | Tensor], nn.Module | Tensor]) -> None:
        layer, value = place(nn.Linear(3, 3)), place(torch.ones(2, 3))
        found = layer(value)  # type: ignore[operator]
        torch.where(found > 0, found, 0.0).sort().values.gather(0, found.argmax(dim=0, keepdim=True))
        torch.rand(2, device=found.device) + torch.eye(2, device=found.device)

    assert first_wait(work) is None


def test_a_mistake_of_the_work_is_no_wait() -> None:
    def work(place: Callable[[Tensor], Tensor]) -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        first_wait(work)
