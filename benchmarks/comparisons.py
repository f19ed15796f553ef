"""The two comparisons on MNIST that docs/compare.md shows: one command each, written into the document.

    python -m benchmarks.comparisons --data-dir DIR             # both: about half an hour on two quiet cores
    python -m benchmarks.comparisons sharing --data-dir DIR     # nine sharing schemes on even,third
    python -m benchmarks.comparisons balancer --data-dir DIR    # eight balancers on denoise,classify
    python -m benchmarks.comparisons --quick                    # tiny, on digits: is it possible?
    python -m benchmarks.comparisons --write                    # no training: judge the kept results anew

Interrupted, it goes on where it was. The results without their curves are kept in
`benchmarks/results/comparison-NAME.json`; a test holds the document to them. Judging anew takes what every
training reached from there, and makes everything else (intervals, verdicts) by today's rules.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtl.core.cli.compare import command, question_of
from mtl.core.comparison.grid import lay_out
from mtl.core.comparison.outcomes import Outcome
from mtl.core.comparison.results import results
from mtl.core.comparison.summary import summary_rows, table_note
from mtl.core.discovery.registry import installed
from mtl.core.folders.run_folder import versions

from .marked import with_marked

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "compare.md"
RESULTS = Path(__file__).parent / "results"

COMMANDS: dict[str, tuple[str, ...]] = {
    "sharing": (
        *("--tasks", "even,third", "--dataset", "mnist", "--encoder", "mlp"),
        *("--sharing", "none,hard,cross-stitch,mmoe,cgc,ple,mtan,dselect-k,ltb"),
        *("--epochs", "10", "--seeds", "5", "--set", "train.batch_size=128"),
    ),
    "balancer": (
        *("--tasks", "denoise,classify", "--dataset", "mnist", "--encoder", "lenet"),
        *("--balancer", "sum,uncertainty,dwa,rlw,pcgrad,mgda,cagrad,upgrad"),
        *("--epochs", "1", "--seeds", "3", "--set", "train.batch_size=64"),
    ),
}
QUICK = ("--dataset", "digits", "--epochs", "1", "--seeds", "1", "--set", "train.validation=0.8")


def train(name: str, data: Path | None, jobs: int, folder: Path) -> dict[str, Any]:
    """Run a comparison's command and return what is kept of it."""
    machine = ["--data-dir", str(data)] if data is not None else []
    asked = ["compare", *COMMANDS[name], *machine, "--jobs", str(jobs), "--out", str(folder / name)]
    done = subprocess.run(
        [sys.executable, "-m", "mtl", *asked, "--json"], stdout=subprocess.PIPE, check=False
    )
    if done.returncode not in (0, 5):
        raise SystemExit(done.returncode)
    found = json.loads(done.stdout)
    del found["comparison"]
    today = _today()
    return {
        "command": f"mtl compare {' '.join(COMMANDS[name])}",
        "date": today,
        "judged": today,
        "machine": f"{os.cpu_count()} {platform.machine()} CPU cores, {jobs} trainings at a time",
        "versions": {key: value for key, value in versions().items() if key in ("mtl-composer", "torch")},
        "results": _without_curves(found),
    }


def judged_anew(name: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept comparison, judged by today's rules from what its trainings reached."""
    asked = command.make_context("compare", list(COMMANDS[name])).params
    grid = lay_out(question_of(asked), installed())
    cells = {(cell["name"], cell["seed"]): cell for cell in kept["results"]["cells"]}
    outcomes = {}
    for cell in grid.cells:
        known = cells[cell.title, cell.seed]
        training = {key: known[key] for key in ("seconds", "epochs", "chosen_epoch")}
        found = Outcome(cell, "", known["status"], known["reason"], known["metrics"], training)
        outcomes[cell.key] = found
    new = _without_curves(results(grid, outcomes))
    for row, old in zip(new["variants"], kept["results"]["variants"], strict=True):
        if row["parameters"] != old["parameters"]:
            raise SystemExit(f"{row['name']} is another network now: train {name} again")
    return {**kept, "judged": _today(), "results": new}


def _without_curves(found: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a `compare.json` without what the document does not need."""
    del found["recipe"]
    for row in (*found["variants"], *found["single_task"]):
        del row["curves"]
    for cell in found["cells"]:
        del cell["folder"], cell["channels_last"]
    return found


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def markdown(kept: Mapping[str, Any]) -> str:
    """Return a kept comparison as it stands in the document: command, table, verdicts."""
    found = kept["results"]
    header, rows = summary_rows(found)
    shown = " \\\n      ".join(_lines(kept["command"]))
    trained = f"Trained {kept['date']}, {kept['machine']}, torch {kept['versions']['torch']}"
    judged = f"judged {kept['judged']}" if kept["judged"] != kept["date"] else "judged the same day"
    seeds = f"{len(found['seeds'])} seeds, {len(found['cells'])} trainings"
    return "\n".join(
        [
            f"    {shown}",
            "",
            f"{trained}; {judged}. {seeds}. {table_note(found)}",
            "",
            f"| {' | '.join(header)} |",
            f"|---|{'---:|' * (len(header) - 1)}",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            *(f"- {verdict}" for verdict in found["verdicts"]),
        ]
    )


def _lines(command: str) -> list[str]:
    """Return a long command in lines of at most 100 letters, broken before a flag."""
    lines = [""]
    for part in re.split(r" (?=--)", command):
        if lines[-1] and len(lines[-1]) + len(part) > 100:
            lines.append("")
        lines[-1] = f"{lines[-1]} {part}".strip()
    return lines


def document(text: str) -> str:
    """Return the document with every kept comparison between its markers."""
    for name in COMMANDS:
        path = RESULTS / f"comparison-{name}.json"
        if not path.is_file():
            continue
        shown = markdown(json.loads(path.read_text()))
        text = with_marked(text, f"measured: {name}", shown)
    return text


def quick(name: str) -> None:
    """Train a comparison's schemes for a moment, to see that the command is possible."""
    asked = ["compare", *COMMANDS[name], *QUICK, "--out", f"runs/quick-{name}"]
    status = subprocess.run([sys.executable, "-m", "mtl", *asked], check=False).returncode
    if status:
        raise SystemExit(status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is named, keep the results, and write the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which: {', '.join(COMMANDS)} [default: all]"
    )
    parser.add_argument("--data-dir", type=Path, help="where MNIST is; without it, it is downloaded")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time [default: 2]")
    parser.add_argument("--out", type=Path, default=Path("runs/comparisons"), help="where the runs are kept")
    parser.add_argument("--quick", action="store_true", help="tiny, on digits; nothing is written")
    parser.add_argument("--write", action="store_true", help="train nothing: judge the kept results anew")
    given = parser.parse_args(arguments)
    names = given.names or list(COMMANDS)
    if unknown := [name for name in names if name not in COMMANDS]:
        parser.error(f"unknown comparison {unknown[0]!r}; there are: {', '.join(COMMANDS)}")
    for name in names:
        if given.quick:
            quick(name)
            continue
        path = RESULTS / f"comparison-{name}.json"
        if given.write:
            kept = judged_anew(name, json.loads(path.read_text()))
        else:
            kept = train(name, given.data_dir, given.jobs, given.out)
        RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n")
    if not given.quick:
        DOCUMENT.write_text(document(DOCUMENT.read_text()))


if __name__ == "__main__":
    main()
