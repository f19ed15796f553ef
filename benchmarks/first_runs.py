"""The two runs that the README opens with, of five seeds each: one command, written into the document.

    python -m benchmarks.first_runs --data-dir DIR           # both; half an hour on one quiet core
    python -m benchmarks.first_runs digits                   # the one that needs no data
    python -m benchmarks.first_runs --write                  # only the document, from the kept results

What is finished in the folder of `--out` is not trained again. The results are kept in
`benchmarks/results/first-runs.json`; a test holds the README to them.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from mtl.core.folders.run_folder import versions

from .marked import with_marked

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "README.md"
RESULTS = Path(__file__).parent / "results" / "first-runs.json"
SEEDS = 5

FIRST = ("compose", "--tasks", "denoise,classify", "--encoder", "lenet")
COMMANDS: dict[str, tuple[str, ...]] = {
    "digits": FIRST,
    "mnist": (*FIRST, "--dataset", "mnist", "--epochs", "5"),
}
SHOWN = {
    "digits": f"`mtl {' '.join(FIRST)}`",
    "mnist": "the same with `--dataset mnist --data-dir DIR --epochs 5`",
}
IMAGES = {"digits": "359", "mnist": "10,000"}


def train(name: str, data: Path | None, out: Path) -> None:
    """Run a command with its seeds, or go on with what an interruption left."""
    folder = out / name
    if (folder / "metrics.json").is_file():
        return
    asked = [*COMMANDS[name], "--seeds", str(SEEDS), "--out", str(folder)]
    if name == "mnist" and data is not None:
        asked += ["--data-dir", str(data)]
    if (folder / "seeds.json").is_file():
        asked = ["resume", str(folder)]
    status = subprocess.run([sys.executable, "-m", "mtl", *asked], check=False).returncode
    if status:
        raise SystemExit(status)


def collected(name: str, out: Path) -> dict[str, Any]:
    """Return what is kept of a run's seeds: their test metrics, machine and date."""
    folder = out / name
    found = json.loads((folder / "metrics.json").read_text())
    environment = json.loads((folder / f"seed-{found['seeds'][0]}" / "environment.json").read_text())
    finished = datetime.fromtimestamp((folder / "metrics.json").stat().st_mtime, UTC)
    return {
        "command": f"mtl {' '.join(COMMANDS[name])} --seeds {SEEDS}",
        "date": finished.date().isoformat(),
        "device": environment["device"],
        "platform": platform.machine(),
        "torch": versions()["torch"],
        "seeds": found["seeds"],
        "accuracy": list(found["test"]["classify"]["accuracy"]["values"].values()),
        "psnr": list(found["test"]["denoise"]["psnr"]["values"].values()),
        "noisy_psnr": found["baseline"]["denoise"]["psnr"]["mean"],
        "seconds": found["seconds"],
    }


def markdown(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table as it stands in the document."""
    rows = []
    for name, run in kept.items():
        accuracy = _shown([100 * value for value in run["accuracy"]], "%")
        cells = [
            SHOWN[name],
            f"{accuracy} (of {IMAGES[name]})",
            _shown(run["psnr"], "dB"),
            f"{run['noisy_psnr']:.2f} dB",
            f"{run['seeds'][0]} to {run['seeds'][-1]}",
            run["date"],
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(
        [
            "| command | accuracy on noisy images | denoised | noisy input | seeds | date |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _shown(values: Sequence[float], unit: str) -> str:
    return f"{fmean(values):.2f} {unit} ± {stdev(values):.2f}"


def document(text: str, kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the document with the table between its markers."""
    return with_marked(text, "measured: first runs", markdown(kept))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is named, keep the results, and write the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which: {', '.join(COMMANDS)} [default: all]"
    )
    parser.add_argument("--data-dir", type=Path, help="where MNIST is; without it, it is downloaded")
    parser.add_argument("--out", type=Path, default=Path("runs/first-runs"), help="where the runs are kept")
    parser.add_argument("--write", action="store_true", help="only the document, from the kept results")
    given = parser.parse_args(arguments)
    names = given.names or list(COMMANDS)
    if unknown := [name for name in names if name not in COMMANDS]:
        parser.error(f"unknown run {unknown[0]!r}; there are: {', '.join(COMMANDS)}")
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in names if not given.write else ():
        train(name, given.data_dir, given.out)
        kept[name] = collected(name, given.out)
    kept = {name: kept[name] for name in COMMANDS if name in kept}
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    DOCUMENT.write_text(document(DOCUMENT.read_text(), kept))


if __name__ == "__main__":
    main()
