"""The device is chosen, or refused with what there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from mtl.core.base import device as device_module
from mtl.core.base.device import (
    accelerator,
    choose_device,
    device_name,
    in_use,
    refuse_unusable,
)
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


def test_a_card_beyond_the_last_is_refused_with_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for count, known in ((1, "cuda:0"), (4, "cuda:0 to cuda:3")):
        monkeypatch.setattr(torch.cuda, "device_count", lambda count=count: count)
        with pytest.raises(MissingRequirementError, match=f"{count} CUDA devices? found") as caught:
            choose_device("cuda:9")
        assert known in str(caught.value.hint)
    assert choose_device("cuda:3") == torch.device("cuda", 3)


def test_a_driver_that_is_too_old_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 11040).\nPlease update"
        )

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(MissingRequirementError, match=r"too old \(found version 11040\)"):
        choose_device("cuda")


def test_a_card_that_another_process_holds_for_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(device: torch.device) -> None:
        raise RuntimeError(
            "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors"
        )

    monkeypatch.setattr(torch.cuda, "mem_get_info", busy)
    with pytest.raises(MissingRequirementError) as caught:
        refuse_unusable(torch.device("cuda", 0))
    assert caught.value.message == (
        "device 'cuda:0' cannot be used: CUDA error: CUDA-capable device(s) is/are busy or unavailable"
    )
    assert "nvidia-smi" in str(caught.value.hint)
    refuse_unusable(torch.device("cpu"))


def test_work_on_a_card_makes_it_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[torch.device] = []

    @contextmanager
    def device(chosen: torch.device) -> Iterator[None]:
        current.append(chosen)
        yield

    monkeypatch.setattr(torch.cuda, "device", device)
    with in_use(torch.device("cuda", 1)), in_use(torch.device("cpu")):
        assert current == [torch.device("cuda", 1)]


def test_what_numbers_of_a_card_depend_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="NVIDIA H200", major=9, minor=0, total_memory=1 << 37)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: card.name)
    monkeypatch.setattr(device_module, "driver_version", lambda: "580.65.06")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91900)
    found = accelerator(torch.device("cuda"))
    assert found is not None
    assert (found["name"], found["capability"], found["driver"]) == ("NVIDIA H200", "9.0", "580.65.06")
    assert (found["cudnn"], found["memory_bytes"]) == (91900, 1 << 37)
    assert set(found["tf32"]) == {"convolutions", "matrices"}
    assert device_name(torch.device("cuda")) == "cuda (NVIDIA H200)"


def test_a_cpu_has_no_driver() -> None:
    assert accelerator(torch.device("cpu")) is None
