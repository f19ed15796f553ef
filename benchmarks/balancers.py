"""What every balancer costs per training step, relative to the plain sum.

Run: python -m benchmarks.balancers (about 3 minutes on quiet cores); --quick: a look that proves nothing.

Every balancer trains lenet on the embedded digits, batch 128, through the engine's own step. Balancers
take turns round by round, so that a change of the machine's speed meets all of them; the first round is
not counted.
The figures are medians over rounds of the time per step divided by that of `sum` in the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from mtl.core.composition.composer import compose
from mtl.core.data.samples import load_splits
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.training.trainer import Trainer

from .marked import with_marked

HERE = Path(__file__).parent
TABLE = HERE.parent / "docs" / "balancers.md"
PLAIN = "sum"
VALIDATION = 0.735
"""Leaves three batches for training: an epoch of one balancer is a short turn."""

TASKS: dict[int, Any] = {
    2: ["denoise", "classify"],
    4: {
        "denoise": {},
        "classify": {},
        "parity": {},
        "large": {
            "task": "label-group",
            "groups": {"low": ["0", "1", "2", "3", "4"], "high": ["5", "6", "7", "8", "9"]},
        },
    },
}


class Runner:
    """One balancer at work: `step_seconds` trains one epoch and returns the time of a step."""

    def __init__(self, registry: Registry, name: str, tasks: Any) -> None:
        recipe = {
            "tasks": tasks,
            "encoder": "lenet",
            "balancer": name,
            "train": {"batch_size": 128, "validation": VALIDATION, "epochs": 10_000},
        }
        composition = compose(read(RecipeSource(recipe), registry), registry)
        splits = load_splits(composition.dataset, validation=VALIDATION, split_seed=0)
        self.trainer = Trainer(composition, splits, torch.device("cpu"))
        self.steps = -(-len(splits.train) // 128)

    def step_seconds(self) -> float:
        """Train one epoch, without validation."""
        started = time.perf_counter()
        self.trainer.train_epoch()
        return (time.perf_counter() - started) / self.steps


def measure(rounds: int, names: list[str], registry: Registry) -> dict[str, Any]:
    """Return milliseconds of `sum` and the others' ratios, by number of tasks."""
    found: dict[str, Any] = {}
    for count, tasks in TASKS.items():
        runners = {name: Runner(registry, name, tasks) for name in [PLAIN, *(n for n in names if n != PLAIN)]}
        times: list[dict[str, float]] = []
        for _ in range(rounds + 1):
            times.append({name: runner.step_seconds() for name, runner in runners.items()})
        times = times[1:]
        ratios = {name: [row[name] / row[PLAIN] for row in times] for name in runners}
        found[str(count)] = {
            "sum_milliseconds": 1000 * statistics.median(row[PLAIN] for row in times),
            "relative": {
                name: {"median": statistics.median(values), "quartiles": quartiles(values)}
                for name, values in ratios.items()
            },
        }
    return found


def quartiles(values: list[float]) -> list[float]:
    """Return the first and the third quartile."""
    if len(values) < 2:
        return [values[0], values[0]]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return [first, third]


def table(result: dict[str, Any]) -> str:
    """Return the Markdown table of a result."""
    counts = list(result["tasks"])
    where = result["machine"]
    lines = [
        f"{where['processor']}, {where['threads']} threads, torch {where['torch']}, "
        f"{result['rounds']} rounds, "
        f"{result['date']}. A step of `sum`: "
        + ", ".join(f"{result['tasks'][c]['sum_milliseconds']:.1f} ms ({c} tasks)" for c in counts)
        + ".",
        "",
        "| balancer | " + " | ".join(f"{c} tasks" for c in counts) + " |",
        "|---|" + "---|" * len(counts),
    ]
    for name in result["tasks"][counts[0]]["relative"]:
        cells = []
        for count in counts:
            entry = result["tasks"][count]["relative"][name]
            low, high = entry["quartiles"]
            cells.append(f"{entry['median']:.2f} ({low:.2f} to {high:.2f})")
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, write benchmarks/results/balancers.json and the table of docs/balancers.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument(
        "--quick", action="store_true", help="one round of three balancers; nothing is written"
    )
    options = parser.parse_args()
    registry = discover()
    names = registry.names("balancer")
    rounds = options.rounds
    if options.quick:
        names, rounds = [PLAIN, "mgda", "famo"], 1
    result = {
        "claim": "time per training step relative to sum; lenet, digits, batch 128",
        "date": time.strftime("%Y-%m-%d"),
        "rounds": rounds,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "tasks": measure(rounds, names, registry),
    }
    print(table(result))
    if options.quick:
        return
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "balancers.json").write_text(json.dumps(result, indent=2) + "\n")
    TABLE.write_text(with_marked(TABLE.read_text(), "measured: balancers", table(result)))


if __name__ == "__main__":
    main()
