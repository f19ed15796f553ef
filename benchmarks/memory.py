"""One process, one training: prints its peak memory. `python -m benchmarks.memory mtl|limit`.

`python -m benchmarks.memory large` trains data larger than memory (`benchmarks/large_data.py`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from . import large_data
from .contenders import Contender, Limit, Ours
from .jobs import JOBS


def _peak() -> float:
    """Return the peak of this process's resident memory in MiB; `getrusage` would count the parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(kind: str) -> None:
    """Train the first job for a few steps and print the peak of the process's memory in MiB."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    job = JOBS[0]
    contender: Contender = Limit(job, device, True) if kind == "limit" else Ours(job, device, job.steps)
    for _ in range(5):
        contender.run(job.steps)
    peak = _peak()
    if device.type == "cuda":
        peak = torch.cuda.max_memory_reserved(device) / 2**20
    print(json.dumps({"peak_mib": peak}))


if __name__ == "__main__":
    if sys.argv[1] == "large":
        large_data.main(sys.argv[2:])
    else:
        main(sys.argv[1])
