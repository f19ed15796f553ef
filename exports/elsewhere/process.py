"""A runtime in a process of its own: bounded in time and memory, and its end is not ours."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.base.cores import written_by
from .runtime import Runtime

SCRIPT = Path(__file__).parent / "work" / "worker.py"
PATIENCE = 600.0
"""Seconds for one question, unless the caller has fewer."""

_MOST_SAID = 2**24
"""Characters of one answer that none comes near."""


class WorkerError(Exception):
    """What a runtime could not do, in one line; `memory` when it needed more than it may use."""

    def __init__(self, text: str, *, memory: bool = False) -> None:
        super().__init__(text)
        self.memory = memory


class Worker:
    """A runtime that waits for questions; raises `MissingRequirementError` when its library is not there.

    It ends with `close`, or when nobody knows it any more.
    """

    def __init__(self, runtime: Runtime, python: Path, threads: int = 0) -> None:
        self.runtime = runtime
        self._folder = tempfile.TemporaryDirectory(prefix="mtl-elsewhere-", ignore_cleanup_errors=True)
        self.place = Path(self._folder.name)
        self._heard = b""
        self._said = (self.place / "stderr").open("w+b")
        # Errors of libraries in Rust are to be one line.
        environment = {**os.environ, "RUST_BACKTRACE": "0"}
        if threads:
            environment |= {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        self._process = subprocess.Popen(
            # -P: what lies in the folder that the user is in is no library.
            [str(python), "-P", str(SCRIPT), runtime.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
            cwd=self.place,
        )
        self._end = weakref.finalize(self, _ended, self._process, self._said, self._folder)
        told = self._answer(PATIENCE)
        if "missing" in told:
            self.close()
            raise runtime.missing(f" ({told['missing']})")
        self.version = str(told["version"])

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._end()

    def stop(self) -> None:
        """End the process now, whatever it is doing, from another thread."""
        self._process.kill()

    def convert(
        self, source: bytes, folder: Path, facts: Mapping[str, Any], seconds: float = PATIENCE
    ) -> Mapping[str, Any]:
        """Convert a model; return what is told about it."""
        place = self.place / ("source.onnx" if self.runtime.source == "onnx" else "source.pt2")
        place.write_bytes(source)
        asked = {"source": str(place), "folder": str(folder.absolute()), "facts": dict(facts)}
        return dict(self._ask("convert", seconds, **asked)["told"])

    def open(
        self, folder: Path, facts: Mapping[str, Any], memory: int = 0, seconds: float = PATIENCE
    ) -> Mapping[str, Any]:
        """Open a model, for whose numbers there are `memory` bytes (0: not bounded); return its interface."""
        # Beside what the library itself has taken; where a system does not tell that, time alone is bounded.
        held = written_by(self._process.pid)
        most = memory + held if memory and held is not None else 0
        asked = {"folder": str(folder.absolute()), "facts": dict(facts), "memory": most}
        return dict(self._ask("open", seconds, **asked)["interface"])

    def run(
        self, feed: Sequence[NDArray[Any]], names: Sequence[str], seconds: float = PATIENCE
    ) -> dict[str, NDArray[Any]]:
        """Return the outputs by name, for inputs in order."""
        answers = self.place / "answers.npz"
        self._ask("answer", seconds, feed=self._fed(feed), answers=str(answers))
        with np.load(answers, allow_pickle=False) as held:
            if len(held.files) != len(names):
                raise WorkerError(f"it answers with {len(held.files)} outputs, not {len(names)}")
            return {name: held[f"arr_{number}"] for number, name in enumerate(names)}

    def times(self, feed: Sequence[NDArray[Any]], seconds: float, limit: float = PATIENCE) -> list[float]:
        """Return the seconds of each of many calls, which take at least `seconds` together."""
        return [
            float(value)
            for value in self._ask("times", limit, feed=self._fed(feed), seconds=seconds)["times"]
        ]

    def _fed(self, feed: Sequence[NDArray[Any]]) -> str:
        place = self.place / "feed.npz"
        np.savez(place, *feed)
        return str(place)

    def _ask(self, what: str, limit: float, **asked: Any) -> Mapping[str, Any]:
        line = json.dumps({"do": what, "limit": limit, **asked}).encode() + b"\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError:
            raise self._dead() from None
        answer = self._answer(limit)
        if "error" in answer:
            raise WorkerError(_line(str(answer["error"])), memory=bool(answer.get("memory")))
        return answer

    def _answer(self, limit: float) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        pipe, until = self._process.stdout.fileno(), time.monotonic() + limit
        while b"\n" not in self._heard:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                self.stop()
                raise WorkerError(f"it was not done within {limit:g} s")
            part = os.read(pipe, 2**16)
            if not part or len(self._heard) > _MOST_SAID:
                raise self._dead()
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise WorkerError("it answers with something else than was asked")
        return answer

    def _dead(self) -> WorkerError:
        self.stop()
        status = self._process.wait()
        self._said.seek(0)
        lines = [
            line for line in self._said.read(2**16).decode(errors="replace").splitlines() if line.strip()
        ]
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return WorkerError(_line(f"its process ended ({how})" + (f": {lines[-1].strip()}" if lines else "")))


def feed_of(names: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the inputs of a model in its order."""
    return [np.ascontiguousarray(feed[name]) for name in names]


def _line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines)[:300]


def _ended(process: subprocess.Popen[bytes], said: Any, folder: tempfile.TemporaryDirectory[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue
    process.kill()
    process.wait()
    said.close()
    folder.cleanup()
