"""The seconds around a training: three whole commands, each in a process of its own, as users wait for them.

    python -m benchmarks.commands            # from the repository root, on a quiet machine; five minutes
    python -m benchmarks.commands --write    # only the document, from the kept results

Measured are the first command of the README (beyond its training, whose seconds it keeps itself), an export
of its run, and a dry run of it: wall-clock and CPU seconds, the least of the repetitions, after one turn that
is not counted (it fills the disk's cache and the user's, and leaves mtl compiled, as pip does). The results
are kept in `benchmarks/results/commands.json` and written between the markers of `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtl.core.folders.run_folder import versions

from .marked import with_marked

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
RESULTS = Path(__file__).parent / "results" / "commands.json"
FIRST = ("compose", "--tasks", "denoise,classify", "--encoder", "lenet")
TARGETS = {"first": "<= 6 s", "export": "<= 5 s", "dry run": "<= 2.5 s", "import torch": ""}
SHOWN = {
    "first": f"`mtl {' '.join(FIRST)}`, beyond its training",
    "export": "`mtl export` of its run",
    "dry run": "the first command with `--dry-run`",
    "import torch": '`python -c "import torch"`, which all three do',
}


@dataclass(frozen=True)
class Taken:
    """Seconds of a process: on the clock, and of all cores together."""

    wall: float
    cpu: float


def taken(command: Sequence[str]) -> Taken:
    """Run a process and return its seconds; end with its status when it fails."""
    # pip compiles what it installs, and Python what it first meets: a user waits for that once at most.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{told.decode(errors='replace')}")
    return Taken(time.perf_counter() - before, used.ru_utime + used.ru_stime)


def first(folder: Path) -> Taken:
    """Return what the first command takes beyond its training; the CPU seconds are those of all of it."""
    whole = taken((*_mtl(), *FIRST, "--out", str(folder), "--force"))
    training = json.loads((folder / "metrics.json").read_text())["training"]["seconds"]
    return Taken(whole.wall - training, whole.cpu)


def measured(repeats: int, folder: Path) -> dict[str, Any]:
    """Take turns, so that a busy moment meets no command alone; return the least seconds of each."""
    run = folder / "run"
    jobs = {
        "first": lambda: first(run),
        "export": lambda: taken((*_mtl(), "export", str(run), "--to", str(folder / "model.onnx"))),
        "dry run": lambda: taken((*_mtl(), *FIRST, "--dry-run")),
        "import torch": lambda: taken((sys.executable, "-c", "import torch")),
    }
    found: dict[str, list[Taken]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            seconds = job()
            print(f"{name}: {seconds.wall:.1f} s, {seconds.cpu:.1f} s of CPU", file=sys.stderr, flush=True)
            if turn:
                found[name].append(seconds)
    return {
        name: asdict(Taken(min(one.wall for one in several), min(one.cpu for one in several)))
        for name, several in found.items()
    }


def _mtl() -> tuple[str, ...]:
    return sys.executable, "-m", "mtl"


def markdown(kept: Mapping[str, Any]) -> str:
    """Return what stands between the markers."""
    made = f"Python {kept['python']}, torch {kept['torch']}, {kept['date']}"
    lines = [
        f"{kept['cores']} CPU cores, {made}; least of {kept['repeats']}.",
        "",
        "| command | target | seconds | CPU seconds |",
        "|---|---|---|---|",
    ]
    for name, seconds in kept["seconds"].items():
        cpu = f"{seconds['cpu']:.1f}" + (" with its training" if name == "first" else "")
        lines.append(f"| {SHOWN[name]} | {TARGETS[name]} | {seconds['wall']:.1f} | {cpu} |")
    return "\n".join(lines)


def document(text: str, kept: Mapping[str, Any]) -> str:
    """Return the document with the table between its markers."""
    return with_marked(text, "measured: commands", markdown(kept))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, keep the results, and write the document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="how often each is measured")
    parser.add_argument("--write", action="store_true", help="only the document, from the kept results")
    given = parser.parse_args(arguments)
    if not given.write:
        with tempfile.TemporaryDirectory() as folder:
            seconds = measured(given.repeats, Path(folder))
        kept = {
            "date": time.strftime("%Y-%m-%d"),
            "cores": os.cpu_count(),
            "python": sys.version.split()[0],
            "torch": versions()["torch"],
            "repeats": given.repeats,
            "seconds": seconds,
        }
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    DOCUMENT.write_text(document(DOCUMENT.read_text(), json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
