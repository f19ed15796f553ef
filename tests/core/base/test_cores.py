"""How many cores there are is answered on every system."""

from __future__ import annotations

import os

import pytest

from mtl.core.base import cores
from mtl.core.base.cores import available_cores, driver_version


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.delattr(os, name, raising=False)


def test_where_the_system_binds_processes_to_cores_those_count(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "process_cpu_count")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 7}, raising=False)
    assert available_cores() == 3


def test_without_such_a_binding_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "process_cpu_count", "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores() == 6


def test_pythons_own_answer_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 4, raising=False)
    assert available_cores() == 4


def test_a_system_that_does_not_know_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "process_cpu_count", "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


@pytest.mark.parametrize("kernel", ["x86_64 Kernel Module  ", "Open Kernel Module for x86_64  "])
def test_the_cards_driver_is_what_the_system_tells(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = f"NVRM version: NVIDIA UNIX {kernel}580.65.06  Sun Jul 27 2025\nGCC version: 13.3.0\n"
    monkeypatch.setattr(cores, "_told", lambda path: told)
    assert driver_version() == "580.65.06"
    monkeypatch.setattr(cores, "_told", lambda path: "")
    assert driver_version() is None
