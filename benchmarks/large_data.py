"""Data larger than memory: pictures drawn into files, trained from a mapped file under a limit of memory.

    python -m benchmarks.memory large [--images 20000] [--side 224] [--folder DIR] [--json FILE]

The data are JPEG files, `train/CLASS/` and `test/CLASS/`. Each start is a process of its own, with a limit of
`ulimit -d` on what it may take; its peaks are read from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLASSES = 4
LIMIT = 1536 << 20
"""Bytes that a process may take, its libraries' own data included."""

SMALL = 2000
"""Images that are trained in memory and mapped, to compare."""


def draw(folder: Path, count: int, side: int) -> None:
    """Write images of four classes (the direction of stripes) as JPEG files, a tenth of them for testing."""
    marker = folder / f"drawn-{count}-{side}"
    if marker.exists():
        return
    with ProcessPoolExecutor() as pool:
        step = 500
        jobs = [
            (str(folder), start, min(start + step, count), count, side) for start in range(0, count, step)
        ]
        for _ in pool.map(_draw, jobs):
            pass
    marker.write_text("")


def _draw(job: tuple[str, int, int, int, int]) -> None:
    import numpy as np
    from PIL import Image

    folder, start, stop, count, side = job
    row, column = np.mgrid[:side, :side] / side
    for index in range(start, stop):
        random = np.random.default_rng([7, index])
        kind = index % CLASSES
        along = np.cos(np.pi * kind / CLASSES) * row + np.sin(np.pi * kind / CLASSES) * column
        wave = np.sin(along * random.uniform(20, 40) + random.uniform(0, 6))
        colour = random.uniform(0, 255, 3)
        coarse = random.uniform(-60, 60, (side // 8 + 1, side // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
        pixels = colour + 60 * wave[..., None] + coarse[:side, :side]
        part = "test" if index >= count * 9 // 10 else "train"
        path = Path(folder) / part / f"class {kind}"
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path / f"{index}.jpg", quality=80)


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Yield what will hold the peaks of this process's memory in MiB, all of it and what it took.

    `peak` is the kernel's own (with the pages of files that are mapped just then), `anonymous` is looked at
    every 10 ms.
    """
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


def status(name: str) -> float:
    """Return a line of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def child(folder: Path, memory: str, epochs: int, encoder: str) -> None:
    """Load, train, evaluate, export, verify and report in this process; print what it took, as JSON."""
    import torch

    from mtl.core.pipeline import Pipeline
    from mtl.core.progress import Progress
    from mtl.core.recipe_reader import read
    from mtl.core.recipe_source import RecipeSource
    from mtl.core.registry import discover

    torch.set_num_threads(1)
    stages: dict[str, float] = {}

    class Told(Progress):
        def placed(self, path: Path) -> None:
            self.stage("loaded")

        def stage(self, name: str) -> None:
            stages[name] = time.process_time()
            print(name, stages[name], status("VmHWM"), status("RssAnon"), file=sys.stderr)
            Path("/proc/self/clear_refs").write_text("5")

        def warning(self, text: str) -> None:
            print(text, file=sys.stderr)

    registry = discover([Path(__file__).with_name("synthetic.py")])
    tree = {
        "dataset": {"name": "image-folder", "data_dir": str(folder)},
        "tasks": ["classify"],
        "encoder": encoder,
        "train": {"epochs": epochs, "memory": memory},
    }
    at_start = status("RssAnon")
    with tempfile.TemporaryDirectory() as place, watched() as peaks:
        outcome = Pipeline(registry, torch.device("cpu"), Told()).run(
            read(RecipeSource(tree), registry), Path(place) / "run"
        )
        rows = outcome.folder.read_history()
    print(
        json.dumps(
            {
                "memory": "mapped" if outcome.splits.mapped else "resident",
                "data_mib": outcome.splits.size / 2**20,
                "before_mib": at_start,
                "peak_mib": peaks["peak"],
                "anonymous_mib": peaks["anonymous"],
                "seconds": stages,
                "epochs": [float(row["seconds"]) for row in rows],
                "losses": [float(row["train/classify/loss"]) for row in rows],
                "test": outcome.metrics["test"],
            }
        )
    )


def run(
    folder: Path, cache: Path, memory: str, *, epochs: int = 1, limit: int | None = LIMIT
) -> dict[str, Any]:
    """Return what a process of its own says of one run."""

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    command = [sys.executable, "-m", "benchmarks.large_data", str(folder), memory, str(epochs)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=limited,
        env={**os.environ, "MTL_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: list[str]) -> None:
    """Draw, train, compare; print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory large")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mtl-large-data")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    folder, few, cache = chosen.folder / "all", chosen.folder / "few", chosen.folder / "cache"
    draw(folder, chosen.images, chosen.side)
    draw(few, min(SMALL, chosen.images), chosen.side)
    shutil.rmtree(cache, ignore_errors=True)
    found = {
        "large": run(folder, cache, "auto"),
        "large again": run(folder, cache, "auto"),
        "few resident": run(few, cache, "resident", epochs=3, limit=None),
        "few mapped": run(few, cache, "mapped", epochs=3),
    }
    text = json.dumps(found, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")


if __name__ == "__main__":
    child(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "pooled")
