"""Data larger than memory: pictures drawn into a mapped file and trained from it under a limit of memory.

    python -m benchmarks.memory large [--images 20000] [--few 2000] [--side 224] [--json FILE]

Each run is a whole one (load, train, evaluate, export, verify, report), and a look for pictures that are
nearly the same, in a process of its own, with `ulimit -d` on what it may take. `peak` is the kernel's count
of all that was resident at any time (VmHWM: libraries and the pages of mapped files included), `anonymous`
what is no file's (RssAnon, every 10 ms); both stand beside each stage as it began, `torch` being after its
import.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .jobs import registry

LIMIT = 2048 << 20
"""Bytes that a process may ask for, touched or not: libraries and stacks of threads included."""


def status(name: str) -> float:
    """Return a line of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Yield what will hold the peaks of this process's memory in MiB."""
    found = {"anonymous": 0.0}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            found["anonymous"] = max(found["anonymous"], status("RssAnon"))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()
        found["peak"] = status("VmHWM")


def child(count: int, side: int, memory: str, epochs: int) -> None:
    """Do a whole run in this process; print what it took, as JSON."""
    import torch

    stages: dict[str, list[float]] = {}

    def note(name: str) -> None:
        stages[name] = [round(time.process_time(), 1), round(status("VmHWM")), round(status("RssAnon"))]

    note("torch")
    from mtl.core.base.progress import Progress
    from mtl.core.data.near_duplicates import near_duplicates
    from mtl.core.recipe.recipe_reader import read
    from mtl.core.recipe.recipe_source import RecipeSource
    from mtl.core.running.pipeline import Pipeline

    torch.set_num_threads(1)
    told: list[str] = []

    class Told(Progress):
        def placed(self, path: Path) -> None:
            self.stage("train")

        def stage(self, name: str) -> None:
            note(name)

        def warning(self, text: str) -> None:
            told.append(text)

    tree = {
        "dataset": {"name": "striped", "count": count, "side": side},
        "tasks": {"direction": {"task": "classify"}},
        "encoder": "pooled",
        "train": {"epochs": epochs, "memory": memory},
    }
    with tempfile.TemporaryDirectory() as place, watched() as peaks:
        recipe = read(RecipeSource(tree), registry())
        note("load")
        outcome = Pipeline(registry(), torch.device("cpu"), Told()).run(recipe, Path(place) / "run")
        note("look for duplicates")
        near_duplicates(outcome.splits)
        note("end")
        rows = outcome.folder.read_history()
    found = {
        "images": count,
        "memory": "mapped" if outcome.splits.mapped else "resident",
        "data_mib": outcome.splits.size / 2**20,
        "peak_mib": peaks["peak"],
        "anonymous_mib": peaks["anonymous"],
        "cpu_seconds_peak_and_anonymous_when_began": stages,
        "cpu_seconds": time.process_time(),
        "epoch_seconds": [row["seconds"] for row in rows],
        "losses": [[row["train/direction/loss"], row["validation/direction/loss"]] for row in rows],
        "test": outcome.metrics["test"]["direction"],
        "told": told,
    }
    print(json.dumps(found))


def run(cache: Path, count: int, side: int, memory: str, epochs: int, limit: int | None) -> dict[str, Any]:
    """Return what a process of its own says of one run."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    command = [sys.executable, "-m", "benchmarks.large_data", str(count), str(side), memory, str(epochs)]
    environment = {**os.environ, "MTL_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=limited, env=environment
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "limit_mib": None if limit is None else limit >> 20}


def main(arguments: list[str]) -> None:
    """Run the few in memory and mapped, and all under the limit; print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory large")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--few", type=int, default=2000)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        cache, side = Path(folder), chosen.side
        found = {
            "few, resident": run(cache, chosen.few, side, "resident", 2, None),
            "few, mapped": run(cache, chosen.few, side, "mapped", 2, LIMIT),
            "all": run(cache, chosen.images, side, "auto", 1, LIMIT),
        }
    text = json.dumps(found, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
