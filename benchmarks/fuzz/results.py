"""What fuzzing found, kept as a file for each run of it, and added up for docs/reliability.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "results" / "fuzz"


def kept_runs(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Return the results of every run that is kept."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def rendered(runs: Sequence[dict[str, Any]]) -> str:
    """Return a table of the targets with all runs together, and a line for each run."""
    if not runs:
        return "Not run."
    lines = [
        "| target | inputs | refused | processor time (s) | most memory (MiB) | longest (s) | failures |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(name for run in runs for name in run["targets"]):
        lines.append(_row(name, [run["targets"][name] for run in runs if name in run["targets"]]))
    hours = sum(run["cpu_seconds"] for run in runs) / 3600
    inputs = sum(run["inputs"] for run in runs)
    return "\n".join(
        [*lines, "", f"{inputs:,} inputs in {hours:.2f} hours of processor time:", "", *_list(runs)]
    )


def _row(name: str, found: Sequence[dict[str, Any]]) -> str:
    inputs, refused = (sum(item[key] for item in found) for key in ("inputs", "refused"))
    seconds = sum(item["cpu_seconds"] for item in found)
    memory = max(item["largest"]["mebibytes"] for item in found)
    longest = max(item["largest"]["seconds"] for item in found)
    failures = sum(sum(item["failures"].values()) for item in found)
    return (
        f"| {name} | {inputs:,} | {refused:,} | {seconds:.0f} | {memory} | {longest:.2f} | **{failures}** |"
    )


def _list(runs: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"- seed {run['seed']}: {run['inputs']:,} inputs on {len(run['targets'])} targets, "
        f"{run['cpu_seconds'] / 60:.0f} minutes of processor time, {run['failures']} failures "
        f"({run['machine']}, Python {run['python']}, {run['date']})"
        for run in runs
    ]
