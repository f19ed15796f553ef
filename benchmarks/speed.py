"""How fast mtl trains, beside the usual hand-written loop and beside the limit of the hardware.

    python -m benchmarks.speed                # everything on this machine: JSON, and the table in docs/
    python -m benchmarks.speed --only lenet   # jobs whose name holds this, without touching the table
    python -m benchmarks.speed --device cuda  # fills the column of the GPU

Claim: on a CPU with two cores mtl is at least 1.65 times as fast as the usual loop and reaches at least 0.95
of the limit. Hardware, versions and the number of rounds stand in `benchmarks/results/DEVICE.json`.
Contenders take turns within one process and ratios are formed within a round; two rounds of warm-up do not
count; shown are medians with quartiles.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from . import extras
from .contenders import Contender, Limit, Ours, Usual
from .jobs import JOBS, Job, balanced_jobs
from .measuring import Times, machine, ratio, take_turns
from .table import write_table

RESULTS = Path(__file__).with_name("results")


def measure(job: Job, device: torch.device, rounds: int) -> dict[str, Any]:
    """Return the milliseconds of a step by contender, and the ratios."""
    steps = job.steps if device.type == "cpu" else 20 * job.steps
    built: dict[str, Contender] = {
        "usual, 0 workers": Usual(job, device, 0),
        "usual, 2 workers": Usual(job, device, 2),
        "mtl": Ours(job, device, steps),
        "limit": Limit(job, device, False),
        "limit, channels last": Limit(job, device, True),
    }
    if device.type == "cuda":
        from .libmtl import LibMTL, available

        if available(job):
            try:
                built["LibMTL"] = LibMTL(job, device)
            except Exception as error:
                # Somebody else's program, for other versions: the others are measured all the same.
                print(f"LibMTL cannot be used: {error}", flush=True)

    def turn(contender: Contender) -> Callable[[], int]:
        def work() -> int:
            contender.run(steps)
            return steps

        return work

    times = take_turns({name: turn(contender) for name, contender in built.items()}, rounds)
    limit = min(("limit", "limit, channels last"), key=lambda name: times[name].to_json()["median_ms"])
    return {"step": {name: found.to_json() for name, found in times.items()}, **_ratios(times, limit)}


def _ratios(times: dict[str, Times], limit: str) -> dict[str, Any]:
    found = {
        "best limit": limit,
        "usual, 0 workers / mtl": ratio(times["usual, 0 workers"], times["mtl"]),
        "usual, 2 workers / mtl": ratio(times["usual, 2 workers"], times["mtl"]),
        "limit / mtl": ratio(times[limit], times["mtl"]),
    }
    if "LibMTL" in times:
        found["LibMTL / mtl"] = ratio(times["LibMTL"], times["mtl"])
    return found


def run(device: torch.device, rounds: int, only: str | None) -> dict[str, Any]:
    """Return everything that is measured on a device."""
    chosen = [job for job in (*JOBS, *balanced_jobs()) if only is None or only.lower() in job.name.lower()]
    jobs: dict[str, Any] = {}
    for job in chosen:
        jobs[job.name] = measure(job, device, rounds)
        _tell(job.name, jobs[job.name])
    found: dict[str, Any] = {"machine": machine(device), "rounds": rounds, "jobs": jobs}
    if only is not None:
        return found
    parts: dict[str, Callable[[], Any]] = {
        "heads": lambda: extras.heads(device, rounds),
        "seeds": lambda: [extras.seeds(device, rounds, job) for job in (JOBS[0], JOBS[2])],
        "evaluation": lambda: extras.evaluation(device, rounds),
        "memory": extras.memory,
        "start_up": extras.start_up,
    }
    if device.type == "cuda":
        parts["sixteen_seeds"] = lambda: extras.seeds(device, rounds, JOBS[0], 16)
        parts["mnist"] = lambda: extras.mnist(device)
    for name, part in parts.items():
        found[name] = part()
        print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found


def _tell(name: str, found: dict[str, Any]) -> None:
    shown = "  ".join(f"{key} {value['median_ms']:.2f} ms" for key, value in found["step"].items())
    print(f"{name}: {shown}", flush=True)


def main() -> None:
    """Measure and keep the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", help="jobs whose name holds this; the table is left alone")
    given = parser.parse_args()
    device = torch.device(given.device)
    started = time.perf_counter()
    found = run(device, given.rounds, given.only)
    found["minutes"] = round((time.perf_counter() - started) / 60, 1)
    if given.only is None:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{device.type}.json").write_text(json.dumps(found, indent=2) + "\n")
        write_table()
    else:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
