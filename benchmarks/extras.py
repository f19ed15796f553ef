"""What is measured beside the step: seeds, heads, memory, evaluation, start-up."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtl.core.evaluation.evaluation import evaluate
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.seeds import SeedsPipeline
from mtl.core.training.trainer import Trainer

from .contenders import Ours, Usual, samples_of
from .jobs import EIGHT_HEADS, JOBS, ONE_HEAD, Job, registry
from .measuring import ratio, take_turns

SEEDS = 8


def heads(device: torch.device, rounds: int) -> dict[str, Any]:
    """Return a step with eight hard-shared heads against one with one head."""
    one, eight = (Ours(job, device, job.steps) for job in (ONE_HEAD, EIGHT_HEADS))
    times = take_turns(
        {
            "one": lambda: _units(one, ONE_HEAD.steps),
            "eight": lambda: _units(eight, EIGHT_HEADS.steps),
        },
        rounds,
    )
    return {"ratio": ratio(times["eight"], times["one"]), **_plain(times)}


def seeds(device: torch.device, rounds: int, job: Job, count: int = SEEDS) -> dict[str, Any]:
    """Return an epoch of many seeds against an epoch of one, as `mtl compose --seeds` trains them."""
    alone = Ours(job, device, job.steps)
    together = _Together(job, device, count)
    times = take_turns({"one": lambda: _units(alone, job.steps), "many": together.run}, rounds)
    return {
        "job": job.name,
        "seeds": count,
        "side_by_side": together.side_by_side,
        "ratio": ratio(times["many"], times["one"]),
        **_plain(times),
    }


class _Together:
    """Trains one more epoch of every seed, through the same code as the command."""

    def __init__(self, job: Job, device: torch.device, count: int) -> None:
        splits = samples_of(job, job.steps * job.batch_size, device)
        self._steps = job.steps
        self._many = SeedsPipeline(Pipeline(registry(), device))
        self._trainers = [Trainer(job.compose(seed=seed), splits, device) for seed in range(count)]
        self._joined = bool(self._many.join(self._trainers))
        self.side_by_side = self._joined or not self._many.takes_turns(self._trainers)
        for trainer in self._trainers:
            trainer.seeds_layers = not self.side_by_side

    def run(self) -> int:
        self._many.each(
            self._trainers,
            lambda trainer: trainer.train_epoch(),
            alone=not self.side_by_side,
            at_once=len(self._trainers) if self._joined else None,
        )
        return self._steps


def evaluation(device: torch.device, rounds: int) -> dict[str, Any]:
    """Return mtl's evaluation of a split against a loop over batches of 32 with `.item()` in each."""
    job = JOBS[0]
    composition = job.compose()
    splits = samples_of(job, job.batch_size, device)
    composition.model.to(device)
    usual = Usual(job, device, 0)
    count = len(splits.test)

    def loop() -> int:
        with torch.no_grad():
            usual.evaluate(count)
        return count

    def ours() -> int:
        evaluate(composition, splits.test, "test")
        return count

    times = take_turns({"usual": loop, "mtl": ours}, rounds)
    return {"ratio": ratio(times["usual"], times["mtl"]), **_plain(times)}


def memory() -> dict[str, Any]:
    """Return the peak memory of a training process beyond that of one that only runs the limit, in MiB."""
    peaks = {kind: _in_process("benchmarks.memory", kind) for kind in ("limit", "mtl")}
    return {
        "peak_mib": {kind: found["peak_mib"] for kind, found in peaks.items()},
        "beyond_mib": peaks["mtl"]["peak_mib"] - peaks["limit"]["peak_mib"],
    }


def start_up() -> dict[str, Any]:
    """Return the seconds from the imports to the first step, of a first and a second run, in MNIST's size."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name, size in (("train", 60_000), ("t10k", 10_000)):
            write_idx(
                raw / f"{name}-images-idx3-ubyte", np.random.default_rng(0).bytes(size * 784), size, 28, 28
            )
            write_idx(raw / f"{name}-labels-idx1-ubyte", bytes((np.arange(size) % 10).astype(np.uint8)), size)
        cache = {"MTL_CACHE_DIR": str(Path(folder) / "cache")}
        first, second = (_in_process("benchmarks.start_up", folder, environment=cache) for _ in range(2))
    return {"first_seconds": first["seconds"], "second_seconds": second["seconds"]}


def write_idx(path: Path, values: bytes, *shape: int) -> None:
    """Write bytes as an IDX file."""
    path.write_bytes(bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + values)


def _in_process(module: str, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True, text=True, check=True, timeout=300, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _units(contender: Any, steps: int) -> int:
    contender.run(steps)
    return steps


def _plain(times: Any) -> dict[str, Any]:
    return {name: found.to_json() for name, found in times.items()}


def mnist(device: torch.device) -> dict[str, Any]:
    """Return the seconds of 20 epochs of the first job over as many images as MNIST trains on."""
    job = JOBS[0]
    ours = Ours(job, device, 54_000 // job.batch_size)
    ours.run(0)
    started = time.perf_counter()
    for _ in range(20):
        ours.run(0)
    return {"seconds": time.perf_counter() - started, "images": 54_000, "epochs": 20}
