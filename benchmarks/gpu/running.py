"""Items in processes of their own: one that fails, hangs or spoils its process costs nobody else a line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .setting import Line, Setting

Item = Callable[[Setting], Iterator[Line]]


@dataclass(frozen=True)
class Plan:
    """An item: what does it, the most seconds it may take, and whether nothing may run beside it."""

    work: Item
    seconds: float
    alone: bool = False


def lines_of(name: str, plan: Plan, setting: Setting) -> Iterator[Line]:
    """Do an item in this process, line by line; an error is the last line but one."""
    started = time.perf_counter()
    try:
        for line in plan.work(setting):
            yield {"item": name, **line}
    except Exception as error:
        text = traceback.format_exc()[-800:]
        yield {"item": name, "what": "failed", "ok": False, "error": f"{error!r}"[:400], "trace": text}
    yield {"item": name, "what": "done", "seconds": round(time.perf_counter() - started, 1)}


def in_process(command: Sequence[str], name: str, seconds: float) -> list[Line]:
    """Run a command that prints a line of JSON per finding; what it printed before it ended badly counts."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
        out.seek(0)
        err.seek(0)
        found = [line for text in out.read().splitlines() if (line := _line(text)) is not None]
        if status != 0:
            what = f"stopped after {seconds:.0f} s" if status is None else f"ended with status {status}"
            found.append({"item": name, "what": what, "ok": False, "stderr": err.read()[-800:]})
    return found


def run_all(
    plans: Mapping[str, Plan],
    command: Callable[[str], Sequence[str]],
    budget: float,
    beside: int,
    tell: Callable[[Line], object],
) -> list[Line]:
    """Run every item within `budget` seconds: those that measure one after the other, and before the others.

    The others run `beside` each other. One for which no time is left is told, and not begun.
    """
    end = time.perf_counter() + budget
    found: list[Line] = []

    def one(name: str) -> list[Line]:
        left = end - time.perf_counter()
        if left < 1:
            return [{"item": name, "what": "not begun: no time was left", "ok": False}]
        return in_process(command(name), name, min(left, plans[name].seconds))

    def keep(lines: list[Line]) -> None:
        for line in lines:
            tell(line)
        found.extend(lines)

    for name in (name for name, plan in plans.items() if plan.alone):
        keep(one(name))
    with ThreadPoolExecutor(beside) as pool:
        for lines in pool.map(one, [name for name, plan in plans.items() if not plan.alone]):
            keep(lines)
    return found


def child(name: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that does one item."""
    return [sys.executable, "-m", "benchmarks.gpu", "--item", name, *arguments]


def _line(text: str) -> Line | None:
    """Return a line that is a finding; a process may print other things too."""
    if not text.startswith("{"):
        return None
    try:
        found: Any = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "item" in found else None


ROOT = Path(__file__).parents[2]
