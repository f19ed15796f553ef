"""Runs rows, keeps each result as a JSON file, and makes the page from these files."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..fuzz.results import kept_runs
from .children import warm_up
from .page import write_page
from .row import Row
from .rows import all_rows

RESULTS = Path(__file__).parents[1] / "results" / "reliability"
_SHOWN = 40
"""Violations of a row that are kept in words."""


class Scorecard:
    """The results in a folder, and the means to make them."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or RESULTS

    def run(self, work: Path, names: Sequence[str] | None, *, scale: float, seed: int, again: bool) -> None:
        """Run the rows that are named, or all; those that have a result only when `again` says so."""
        rows = chosen(names)
        waiting = [row for row in rows if again or not self._file(row.name).exists()]
        if waiting:
            warm_up()
        for row in waiting:
            self.keep(row.name, measured(row, max(1, round(row.count * scale)), seed, work))

    def try_faults(self, work: Path, names: Sequence[str] | None) -> None:
        """Put each fault in, or those that are named, and keep whether its row noticed it."""
        from .faults import FAULTS, noticed

        warm_up()
        found = {item["fault"]: item for item in (self.faults() or {"faults": []})["faults"]}
        for fault in FAULTS:
            if not names or fault.name in names:
                found[fault.name] = noticed(fault, work)
                tried = [found[item.name] for item in FAULTS if item.name in found]
                self.keep("faults", {"faults": tried, **circumstances()})

    def keep(self, name: str, result: dict[str, Any]) -> None:
        """Write a result."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file(name).write_text(json.dumps(result, indent=1) + "\n")

    def results(self) -> list[dict[str, Any]]:
        """Return the results of rows, in their order."""
        files = [self._file(name) for name in all_rows()]
        return [json.loads(file.read_text()) for file in files if file.exists()]

    def faults(self) -> dict[str, Any] | None:
        """Return which faults were noticed, if that was tried."""
        file = self._file("faults")
        found: dict[str, Any] | None = json.loads(file.read_text()) if file.exists() else None
        return found

    def status(self) -> int:
        """Return 1 when a promise was broken or a fault was not noticed, else 0."""
        missed = [fault for fault in (self.faults() or {"faults": []})["faults"] if not fault["noticed"]]
        return int(bool(missed) or any(result["violations"] for result in self.results()))

    def write_page(self) -> None:
        """Write docs/reliability.md from the results."""
        write_page(self.results(), self.faults(), kept_runs())

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def chosen(names: Sequence[str] | None) -> list[Row]:
    """Return rows by name; raise `SystemExit` with those there are when one is unknown."""
    rows = all_rows()
    for name in names or ():
        if name not in rows:
            raise SystemExit(f"there is no row {name}; there are {', '.join(rows)}")
    return [rows[name] for name in names or rows]


def measured(row: Row, count: int, seed: int, work: Path) -> dict[str, Any]:
    """Run a row in a folder of its own and return its result."""
    print(f"{row.name}: {row.title}", flush=True)
    folder = work / row.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.monotonic()
    found = row.run(count, seed, folder)
    shutil.rmtree(folder, ignore_errors=True)
    for violation in found.violations:
        print(f"  {violation.trial}: {violation.what}", flush=True)
    print(f"  {found.trials} trials, {len(found.violations)} violations", flush=True)
    return {
        "row": row.name,
        "title": row.title,
        "promise": row.promise,
        "asked": count,
        "full": row.count,
        "trials": found.trials,
        "violations": len(found.violations),
        "tally": dict(found.tally.most_common()),
        **({"largest_refusal": found.largest.to_json()} if found.largest else {}),
        "shown": [asdict(violation) for violation in found.violations[:_SHOWN]],
        "seed": seed,
        "seconds": round(time.monotonic() - begun),
        **circumstances(),
    }


def circumstances() -> dict[str, Any]:
    """Return where and when this is."""
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return {
        "machine": f"{os.cpu_count()} {platform.machine()} cores",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "commit": done.stdout.strip() or None,
    }
