"""Check and measure mtl on one GPU, item by item, within six minutes.

    python -m benchmarks.gpu                 # on the GPU; writes benchmarks/results/gpu.json and the document
    python -m benchmarks.gpu --data-dir DIR  # and the recipes made for few seconds: two minutes more
    python -m benchmarks.gpu --only steps    # one item or several (a,b); prints, and writes nothing
    python -m benchmarks.gpu --rehearse      # every item in tiny form on the CPU; writes nothing
    python -m benchmarks.gpu --write         # only the document, from the kept results

Each item runs in a process of its own with a limit of time: one that fails or hangs costs no other a line.
What measures runs alone, and first; the checks run beside each other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..table import write_table
from . import answers, rightness, several, speed
from .page import DOCUMENT, document
from .running import ROOT, Plan, child, lines_of, run_all
from .setting import Line, Setting

RESULTS = Path(__file__).parents[1] / "results" / "gpu.json"

ITEMS: dict[str, Plan] = {
    "versions": Plan(rightness.versions, 20),
    "digits": Plan(rightness.digits, 120),
    "matrix": Plan(rightness.matrix, 150),
    "no_wait": Plan(rightness.no_wait, 120),
    "equal": Plan(rightness.equal, 90),
    "resume": Plan(rightness.resume, 90),
    "memory": Plan(rightness.memory, 60),
    "streaming": Plan(rightness.streaming, 60),
    "ranks": Plan(several.ranks, 150),
    "steps": Plan(speed.steps, 75, alone=True),
    "libmtl": Plan(speed.libmtl, 25, alone=True),
    "balancers": Plan(speed.balancers, 40, alone=True),
    "seeds": Plan(speed.seeds, 45, alone=True),
    "mnist": Plan(speed.mnist, 25, alone=True),
}

WITH_DATA: dict[str, Plan] = {"answers": Plan(answers.answers, 120, alone=True)}
"""Items that need real data, and come beside the others where a folder is named."""


def tell(line: Line) -> None:
    """Print a finding."""
    print(json.dumps(line, default=str), flush=True)


def rehearse(chosen: Mapping[str, Plan], data_dir: Path | None) -> list[Line]:
    """Do items in tiny form on the CPU, in this process."""
    setting = Setting(torch.device("cpu"), tiny=True, data_dir=data_dir)
    found = []
    for name, plan in chosen.items():
        for line in lines_of(name, plan, setting):
            tell(line)
            found.append(line)
    return found


def measure(plans: Mapping[str, Plan], given: argparse.Namespace) -> list[Line]:
    """Do items on the card, each in a process of its own."""
    arguments = ["--device", given.device]
    if given.data_dir is not None:
        arguments += ["--data-dir", str(given.data_dir)]
    budget = given.budget + sum(plan.seconds for name, plan in plans.items() if name in WITH_DATA)
    return run_all(plans, lambda name: child(name, arguments), budget, given.beside, tell)


def kept_of(lines: Sequence[Line]) -> dict[str, Any]:
    """Return what is kept of a run: where and when it was made, of which commit, and its lines."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT)
    return {
        "card": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() or "unknown",
        "lines": list(lines),
    }


def write() -> None:
    """Write the kept results into the document: the GPU's own part, and its column of the targets."""
    DOCUMENT.write_text(document(DOCUMENT.read_text(), json.loads(RESULTS.read_text())))
    write_table()


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; return 1 when a check was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cuda", help="the card")
    parser.add_argument("--data-dir", type=Path, help="a folder with MNIST, CIFAR-10 or both")
    parser.add_argument("--only", help="items: " + ", ".join(ITEMS | WITH_DATA))
    parser.add_argument("--budget", type=float, default=350.0, help="seconds for all that needs no data")
    parser.add_argument("--beside", type=int, default=min(6, os.cpu_count() or 1), help="checks at a time")
    parser.add_argument("--rehearse", action="store_true", help="in tiny form on the CPU")
    parser.add_argument("--write", action="store_true", help="only the document, from the kept results")
    parser.add_argument("--item", choices=list(ITEMS | WITH_DATA), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.write:
        write()
        return 0
    offered = ITEMS if given.data_dir is None else ITEMS | WITH_DATA
    names = given.only.split(",") if given.only else list(offered)
    if unknown := [name for name in names if name not in offered]:
        parser.error(f"no item {unknown[0]!r}; there are: {', '.join(offered)}")
    if given.item:
        setting = Setting(torch.device(given.device), data_dir=given.data_dir)
        for line in lines_of(given.item, offered[given.item], setting):
            tell(line)
        return 0
    plans = {name: offered[name] for name in offered if name in names}
    lines = rehearse(plans, given.data_dir) if given.rehearse else measure(plans, given)
    if not (given.rehearse or given.only):
        RESULTS.write_text(json.dumps(kept_of(lines), indent=1, default=str) + "\n")
        write()
    wrong = [f"{line['item']}: {line['what']}" for line in lines if line.get("ok") is False]
    tell({"what": "summary", "right": sum(line.get("ok") is True for line in lines), "wrong": wrong})
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
