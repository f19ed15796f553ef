"""How many cores there are is answered on every system."""

from __future__ import annotations

import os

import pytest

from mtl.core.base import cores
from mtl.core.base.cores import available_cores, driver_version


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the container it runs in."""
    monkeypatch.setattr(cores, "_told", lambda path: "")


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


@pytest.mark.parametrize(
    ("files", "cores_left"),
    [
        pytest.param({"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2, id="v2 in a container"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1, id="less than one core is one"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, 8, id="v2 without a quota"),
        pytest.param({"/sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3, id="v2, an outer group"),
        pytest.param(
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4,
            id="v1 in a container",
        ),
        pytest.param(
            {
                "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "200000\n",
                "/sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
            },
            2,
            id="v1, its own group",
        ),
        pytest.param(
            {
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
            id="v1 without a quota",
        ),
        pytest.param({"/sys/fs/cgroup/cpu.max": "nonsense\n"}, 8, id="nonsense"),
        pytest.param({"/sys/fs/cgroup/cpu.max": "100000 0\n"}, 8, id="no period"),
    ],
)
def test_a_containers_quota_of_time_counts(
    files: dict[str, str], cores_left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"/proc/self/cgroup": "2:cpu,cpuacct:/docker/1\n3:memory:/m\n0::/a/b\n"}
    monkeypatch.setattr(cores, "_bound_cores", lambda: 8)
    monkeypatch.setattr(cores, "_told", lambda path: {**groups, **files}.get(path, ""))
    assert available_cores() == cores_left
