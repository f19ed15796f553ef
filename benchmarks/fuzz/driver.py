"""Runs targets in turn, in forked processes, until the time is up; what fails is kept."""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..reliability.children import Child
from ..reliability.costs import MOST_SECONDS, Largest, Meter, excess
from ..reliability.mutating import mutated
from .target import Target

_CURRENT = "current"
_KEPT = 3
"""Inputs that are kept of failures with the same words."""
_PATIENCE = 20
"""Seconds of the clock, in C, after which a process is given up."""


class TooSlow(BaseException):
    """Raised in a parser that has had its share of the processor."""


@dataclass
class Tried:
    """What the inputs of a target came to."""

    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    largest: Largest = field(default_factory=Largest)
    failures: Counter[str] = field(default_factory=Counter)
    files: list[dict[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "inputs": self.inputs,
            "refused": self.refused,
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "largest": self.largest.to_json(),
            "failures": dict(self.failures),
            "files": self.files,
        }


def fuzz(targets: Sequence[Target], minutes: float, seed: int, work: Path, kept: Path) -> dict[str, Tried]:
    """Try inputs on all targets in turn, for so many minutes in all; keep those that fail in a folder."""
    found = {target.name: Tried() for target in targets}
    end = time.monotonic() + 60 * minutes
    turn = 0
    while time.monotonic() < end or turn == 0:
        for target in targets:
            _try(target, f"{seed} {target.name} {turn}", found[target.name], work, kept)
            if time.monotonic() > end and turn:
                break
        turn += 1
    return found


def _try(target: Target, seed: str, found: Tried, work: Path, kept: Path) -> None:
    """Try some inputs in a forked process."""
    folder = work / target.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.monotonic()
    with tempfile.TemporaryFile() as results:
        child = Child(seconds=60 + _PATIENCE * 2, memory=4 << 30)
        done = child.call(lambda: _work(target, seed, folder, results.fileno()))
        results.seek(0)
        lines = [json.loads(line) for line in results.read().splitlines()]
    found.seconds += time.monotonic() - begun
    for line in lines:
        if line["kind"] == "failed":
            _keep(target, line["words"], bytes.fromhex(line["input"]), found, kept)
        else:
            found.inputs += line["inputs"]
            found.refused += line["refused"]
            found.cpu_seconds += line["cpu"]
            for mebibytes, took, label in line["largest"]:
                found.largest.note(label, mebibytes, took)
    current = folder / _CURRENT
    if done.status != 0:
        if not current.exists():
            raise RuntimeError(f"{target.name} cannot be fuzzed: {done.last_words}")
        words = f"the process ended (status {done.status}): {done.last_words[-200:]}"
        _keep(target, words, current.read_bytes(), found, kept)


def _keep(target: Target, words: str, content: bytes, found: Tried, kept: Path) -> None:
    found.failures[words] += 1
    if found.failures[words] <= _KEPT:
        kept.mkdir(parents=True, exist_ok=True)
        path = kept / f"{target.name}-{hashlib.sha256(content).hexdigest()[:12]}"
        path.write_bytes(content)
        found.files.append({"file": path.name, "words": words})
        print(f"  {target.name}: {words}: {path}", flush=True)


def _work(target: Target, seed: str, folder: Path, results: int) -> None:
    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGPROF, stop)
    read = target.open(folder)
    meter, counts, largest = Meter(), Counter[str](), Largest()
    begun = time.process_time()
    for content in _inputs(target, seed):
        (folder / _CURRENT).write_bytes(content)
        faulthandler.dump_traceback_later(_PATIENCE, exit=True)
        signal.setitimer(signal.ITIMER_PROF, 2 * MOST_SECONDS)
        meter.begin()
        try:
            words = _outcome(target, read, content, counts)
        except TooSlow:
            words = f"more than {2 * MOST_SECONDS:.0f} s of processor time"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        cost = meter.cost()
        largest.note(hashlib.sha256(content).hexdigest()[:12], *cost)
        counts["inputs"] += 1
        if words := words or excess(*cost):
            _tell(results, kind="failed", words=words, input=content.hex())
    faulthandler.cancel_dump_traceback_later()
    (folder / _CURRENT).unlink()
    costs = [(largest.mebibytes, 0.0, largest.mebibytes_of), (0, largest.seconds, largest.seconds_of)]
    cpu = time.process_time() - begun
    _tell(results, kind="done", inputs=counts["inputs"], refused=counts["refused"], cpu=cpu, largest=costs)


def _outcome(target: Target, read: Any, content: bytes, counts: Counter[str]) -> str | None:
    """Return what was wrong with how an input was read, or None."""
    from mtl.core.base.errors import MtlError

    try:
        read(content)
    except MtlError as error:
        counts["refused"] += 1
        if target.named and not any(name in str(error) for name in target.named.split("|")):
            return f"a refusal that does not name {target.named}: {str(error).splitlines()[0][:100]}"
    except TooSlow:
        raise
    except BaseException as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    return None


def _inputs(target: Target, seed: str) -> Iterator[bytes]:
    """Yield a process's inputs, the same for the same seed: drawn ones first, then damaged ones."""
    random_numbers = random.Random(seed)
    drawn = [] if target.drawn is None else _drawn(target.drawn, target.together // 4, random_numbers)
    yield from drawn
    good = [item if isinstance(item, bytes) else item.read_bytes() for item in target.good] or drawn
    for _ in range(target.together - len(drawn) if good else 0):
        yield mutated(random_numbers.choice(good) or b"\0", random_numbers, near=2000)


def _drawn(strategy: Any, count: int, random_numbers: random.Random) -> list[bytes]:
    from hypothesis import HealthCheck, Phase, given, seed, settings

    found: list[bytes] = []

    @seed(random_numbers.getrandbits(64))
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(content: bytes) -> None:
        found.append(content)

    collect()
    return found


def _tell(results: int, **line: Any) -> None:
    os.write(results, json.dumps(line).encode() + b"\n")
