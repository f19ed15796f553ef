"""How much of the machine there is to compute with: the one place that asks, as systems differ."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path

from .errors import UsageError
from .files import read_text

_ROOT = "/sys/fs/cgroup"
_MANY = 1 << 20
"""More cores than there are."""


def available_cores() -> int:
    """Return how many cores this process may use, at least 1.

    Those it is bound to where the system tells, and no more than a container's quota pays for: one and a half
    are two.
    """
    return max(1, min(_bound_cores(), *map(ceil, _quotas())))


def _bound_cores() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux; macOS binds no process to cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int:
    """Return how many bytes this process may still take: what is free, and what limits leave it.

    Limits are those of its control group and of `ulimit`. Where a system tells neither, half of the
    machine's memory counts as free.
    """
    return max(0, min(_free(), *_limits()))


def written_by(process: int) -> int | None:
    """Return how many bytes a process has that it can write to, None where the system does not tell it."""
    used = _told(f"/proc/{process}/statm").split()
    return int(used[5]) * os.sysconf("SC_PAGE_SIZE") if used else None


def boot_name() -> str:
    """Return what this start of this machine's system is called; nothing where it has no name."""
    return _told("/proc/sys/kernel/random/boot_id").strip()


def driver_version() -> str | None:
    """Return the version of NVIDIA's driver, None where the system does not tell it."""
    found = re.search(r"Module.*?(\d+(?:\.\d+)+)", _told("/proc/driver/nvidia/version"))
    return None if found is None else found[1]


def _free() -> int:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _told("/proc/meminfo"), re.MULTILINE)
    if found:
        return int(found[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _limits() -> Iterator[int]:
    import resource

    used = _told("/proc/self/statm").split()
    page = os.sysconf("SC_PAGE_SIZE")
    # All of the address space, and the part of it that can be written.
    for limit, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield most - (int(used[field]) * page if used else 0)
    for folder in _groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            most_here = _told(f"{folder}/{name}").strip()
            if most_here.isdecimal():
                yield int(most_here)
    yield 1 << 62


def _quotas() -> Iterator[float]:
    """Give the cores' worth of time in each period that a control group leaves this process."""
    for folder in _groups("cpu"):
        second = _told(f"{folder}/cpu.max").split()
        first = [_told(f"{folder}/cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        for told in (second, first):
            # Without a quota the second version says "max", the first -1.
            if len(told) == 2 and all(part.isdecimal() for part in told) and int(told[1]):
                yield int(told[0]) / int(told[1])
    yield float(_MANY)


def _groups(controller: str) -> Iterator[str]:
    """Give the folders of the control groups that this process is in, of both versions, outer ones too."""
    listed = re.findall(r"^\d+:(.*?):/(.*)$", _told("/proc/self/cgroup"), re.MULTILINE)
    for controllers, group in listed:
        if controllers and controller not in controllers.split(","):
            continue
        root = f"{_ROOT}/{controller}" if controllers else _ROOT
        # Within a container, its own group is the root.
        parts = group.split("/") if group else []
        for count in range(len(parts) + 1):
            yield "/".join((root, *parts[:count]))


def _told(path: str) -> str:
    """Return what a system says in a file; nothing where there is none."""
    with suppress(UsageError):
        return read_text(Path(path), "what the system says", hint="", most=1 << 20)
    return ""
