"""How many cores there are to compute with: the one place that asks, for systems answer in their own ways."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return how many cores this process may use, at least 1: those it is bound to where the system tells."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux; macOS binds no process to cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
