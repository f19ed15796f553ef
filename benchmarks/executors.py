"""What an executor costs beyond the trainings: `python -m benchmarks.executors [--address HOST:PORT]`.

Small trainings (shapes, 40 pictures, one epoch) are done by each executor at one place. From the time until
the last one has ended is taken what they took where they were done; what is left, a training, is the cost of
handing out, in which is the start of processes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

CELLS = 24
RECIPE: dict[str, Any] = {
    "tasks": ["shape-class", "shape-count"],
    "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 8},
    "encoder": {"name": "mlp", "hidden": [8]},
    "train": {"epochs": 1, "batch_size": 8},
}


def measured(named: Mapping[str, Any], folder: Path) -> tuple[float, float]:
    """Return seconds of all, and of a training what is beyond its own."""
    from mtl.core.composition.composer import compose
    from mtl.core.contracts import Work
    from mtl.core.discovery.registry import installed
    from mtl.core.execution.cells import TrainsCells, cell_job
    from mtl.core.execution.choosing import Hands
    from mtl.core.execution.once import Driver
    from mtl.core.recipe.recipe_reader import read
    from mtl.core.recipe.recipe_source import RecipeSource

    registry = installed()
    recipe = compose(read(RecipeSource(RECIPE), registry), registry).recipe
    jobs = [
        cell_job(replace(recipe, seed=seed), f"seed {seed}", folder / f"seed-{seed}", publishes=False)
        for seed in range(CELLS)
    ]
    hands = Hands.chosen(registry, named, "cpu", 1)
    began, seconds = time.perf_counter(), 0.0
    for ending in Driver(hands, Work(TrainsCells(), "cpu", folder, 1)).endings(jobs):
        assert ending.reason is None, ending.reason
        seconds += ending.seconds
    whole = time.perf_counter() - began
    return whole, (whole - seconds) / CELLS


def main() -> None:
    """Print a line of the table for each executor."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", help="measure Ray too, at this address")
    given = parser.parse_args()
    wanted: dict[str, dict[str, Any]] = {
        "`local`, this process": {"name": "local"},
        "`slurm`, `cluster: local, each: 24`": {"name": "slurm", "cluster": "local", "each": CELLS},
        "`slurm`, `cluster: local, each: 6`": {"name": "slurm", "cluster": "local", "each": 6},
    }
    if given.address:
        wanted["`ray`"] = {"name": "ray", "address": given.address}
    print("| executor | all | beyond a training |\n|---|---:|---:|")
    for title, named in wanted.items():
        with tempfile.TemporaryDirectory() as folder:
            whole, each = measured(named, Path(folder))
        print(f"| {title} | {whole:.1f} s | {each:.3f} s |", flush=True)


if __name__ == "__main__":
    main()
