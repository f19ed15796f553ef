"""Timing contenders against each other: they take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import torch

WARM_UP = 2
"""Rounds that are not counted."""


@dataclass(frozen=True)
class Times:
    """The seconds of one unit of work, round by round; the same rounds for every contender."""

    seconds: tuple[float, ...]

    def to_json(self) -> dict[str, float]:
        """Return median and quartiles in milliseconds."""
        low, middle, high = (1000 * value for value in quartiles(self.seconds))
        return {"median_ms": middle, "quartile_1_ms": low, "quartile_3_ms": high, "rounds": len(self.seconds)}


def quartiles(values: tuple[float, ...]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, middle, third


def take_turns(contenders: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, Times]:
    """Time every contender once per round; each returns how many units of work it did."""
    for _ in range(WARM_UP):
        for work in contenders.values():
            work()
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            started = time.perf_counter()
            units = work()
            found[name].append((time.perf_counter() - started) / units)
    return {name: Times(tuple(values)) for name, values in found.items()}


def ratio(over: Times, under: Times) -> dict[str, float]:
    """Return `over / under` within each round: median and quartiles."""
    pairs = tuple(a / b for a, b in zip(over.seconds, under.seconds, strict=True))
    low, middle, high = quartiles(pairs)
    return {"median": middle, "quartile_1": low, "quartile_3": high}


def machine(device: torch.device) -> dict[str, Any]:
    """Return what the figures depend on: hardware and versions."""
    model = ""
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123 - a device file
            model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        model = platform.processor()
    return {
        "cpu": model,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "mtl": metadata.version("mtl-composer"),
        "date": datetime.now(UTC).date().isoformat(),
    }
