"""A real server in a process of its own, with the tiny model of every form."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")


@dataclass(frozen=True)
class Served:
    """A running `mtl serve`."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def alive(self) -> bool:
        return httpx.get(f"{self.url}/v2/health/live", timeout=10).json() == {"live": True}


@contextmanager
def run_server(*arguments: object) -> Iterator[Served]:
    """Start `mtl serve` on a free port and end it."""
    command = [sys.executable, "-m", "mtl", "serve", *map(str, arguments), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            yield Served(json.loads(line)["url"], process)
        finally:
            process.kill()


@pytest.fixture
def running():
    """Return `run_server`: test modules import nothing from here."""
    return run_server


@pytest.fixture(scope="session")
def served(exported) -> Iterator[Served]:
    with run_server(f"tiny={exported.path}", "--max-body", "1", "--connections", "60") as server:
        yield server


@pytest.fixture
def fresh(exported) -> Iterator[Served]:
    with run_server(f"tiny={exported.path}", "--max-body", "1", "--connections", "60") as server:
        yield server


@pytest.fixture(scope="session")
def served_bytes(exported_bytes) -> Iterator[Served]:
    with run_server(exported_bytes.path) as server:
        yield server
