"""Freed memory stays with the process, where the C library can be told so."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from mtl.core.training.allocation import keep_freed_memory

GLIBC = platform.libc_ver()[0] == "glibc"

COUNT_FAULTS = """
import resource, sys
import torch
from mtl.core.training.allocation import keep_freed_memory

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


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
