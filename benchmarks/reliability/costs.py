"""What a trial cost the process that made it: memory at most, and processor time. Linux tells."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MOST_MEBIBYTES = 1024
MOST_SECONDS = 5.0
"""What a refusal may cost: memory beyond what the process had that it was forked from, processor time."""

_STATUS = Path("/proc/self/status")


class Meter:
    """Measures from when it is made: what a process has then is not counted."""

    def __init__(self) -> None:
        self._had = _mebibytes("VmRSS")
        self.begin()

    def begin(self) -> None:
        """Begin a trial: forget the most that the process had."""
        Path("/proc/self/clear_refs").write_text("5")
        self._cpu = time.process_time()

    def cost(self) -> tuple[int, float]:
        """Return the MiB that the trial had at most beyond what was there at first, and its seconds."""
        return max(0, _mebibytes("VmHWM") - self._had), time.process_time() - self._cpu


@dataclass
class Largest:
    """The costliest refusals: how much, and which trial it was."""

    mebibytes: int = 0
    mebibytes_of: str = ""
    seconds: float = 0.0
    seconds_of: str = ""

    def note(self, trial: str, mebibytes: int, seconds: float) -> None:
        """Keep a refusal's cost where it is the largest so far."""
        if mebibytes > self.mebibytes:
            self.mebibytes, self.mebibytes_of = mebibytes, trial
        if seconds > self.seconds:
            self.seconds, self.seconds_of = round(seconds, 2), trial

    def to_json(self) -> dict[str, Any]:
        """Return the costs as plain JSON values."""
        return asdict(self)


def excess(mebibytes: int, seconds: float) -> str | None:
    """Return what a refusal cost too much, if it did."""
    if mebibytes > MOST_MEBIBYTES:
        return f"a refusal took {mebibytes:,} MiB"
    if seconds > MOST_SECONDS:
        return f"a refusal took {seconds:.1f} s of processor time"
    return None


def is_refusal(outcome: str) -> bool:
    """Return whether an outcome says that something was refused: not read, and no status 0."""
    return outcome != "read" and not outcome.endswith("status 0")


def _mebibytes(kind: str) -> int:
    found = re.search(rf"{kind}:\s+(\d+) kB", _STATUS.read_text())
    return int(found[1]) // 1024 if found else 0
