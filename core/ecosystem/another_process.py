"""mtl, asked in a process of its own: it sees what is installed now, and what a plugin does ends there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from ..base.errors import ComponentError

PATIENCE = 120.0
"""Seconds in which all plugins must be imported."""


def asked(*words: str, seconds: float | None = PATIENCE) -> Any:
    """Return what a command of mtl answers in JSON, whatever its status.

    Raises `ComponentError` where there is no such answer: it ended in another way, or not in time.
    """
    # A first broken plugin is told with the others, and not by the end of the command.
    environment = {**os.environ, "MTL_STRICT": ""}
    command = [sys.executable, "-P", "-m", "mtl", *words]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ComponentError(f"mtl {' '.join(words)} did not end within {error.timeout:.0f} s") from error
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        last = (said or done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
        raise ComponentError(f"mtl {' '.join(words)}: {last.removeprefix('error: ')}") from error
