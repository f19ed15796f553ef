"""Freed memory stays with the process, where the C library can be told so."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from mtl.core.base.allocation import give_back_freed_memory, keep_freed_memory

GLIBC = platform.libc_ver()[0] == "glibc"

COUNT_FAULTS = """
import resource, sys
import torch
from mtl.core.base.allocation import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()

def step():
    kept = [torch.ones(1 << 20) for _ in range(6)]

for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    # By default glibc moves its threshold by itself; fixed at its first value, it gives everything back.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    command = [sys.executable, "-c", COUNT_FAULTS, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=environment)
    return int(done.stdout)


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_steps_that_want_the_same_memory_again_cause_few_page_faults() -> None:
    # Now and then something small lies in the way, and the heap grows once more.
    assert 4 * page_faults("keep") < page_faults("leave")


GROW = """
import sys
from pathlib import Path
import torch
from mtl.core.base.allocation import give_back_freed_memory

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) >> 10

before, most, kept = anonymous(), 0, []
for _ in range(100):
    large = torch.ones(1 << 21)
    kept += [large[:700].clone() for _ in range(2)]
    del large
    most = max(most, anonymous() - before)
    give_back_freed_memory(64 << 20)
print(most, give_back_freed_memory(), anonymous() - before)
"""


@pytest.mark.skipif(not GLIBC, reason="only glibc can be told")
def test_holes_that_small_things_leave_between_large_ones_are_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROW], capture_output=True, text=True, check=True, timeout=120
    )
    most, given, left = done.stdout.split()
    # A block has 8 MiB; together they would be 800.
    assert int(most) < 150
    assert given == "True"
    assert int(left) < 30


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
    assert give_back_freed_memory() is False
