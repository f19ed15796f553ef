"""R14: locales without UTF-8, and output that takes no letters but those of English."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .jobs import flags
from .row import Findings

_LOCALES: dict[str, dict[str, str]] = {
    "C without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "C": {"LC_ALL": "C"},
    "POSIX": {"LC_ALL": "POSIX", "LANG": ""},
    "output in ASCII": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii"},
    "output in Latin 1": {"PYTHONIOENCODING": "latin-1"},
    "no such locale": {"LC_ALL": "xx_YY.nothing"},
}


class Locales:
    """Each command in each locale, in a process that Python starts anew; a training is among them."""

    name = "R14"
    title = "commands, and a training into a folder with an accent, in locales without UTF-8"
    promise = "status 0; a name that the locale cannot express: status 2, before anything is trained"
    count = 30

    def run(self, count: int, seed: int, work: Path) -> Findings:
        folder = work / "é"
        commands: list[list[object]] = [
            ["compose", *flags(1), "--out", folder],
            ["evaluate", folder],
            ["--help"],
            ["list", "task"],
            ["show", "task", "denoise"],
        ]
        found = Findings()
        for locale, changes in _LOCALES.items():
            shutil.rmtree(os.fsencode(folder), ignore_errors=True)
            for command in commands:
                if found.trials < count:
                    _try(f"{locale}: {command[0]}", command, changes, found)
        return found


def _try(name: str, command: list[object], changes: dict[str, str], found: Findings) -> None:
    words = [os.fsencode(str(word)) for word in (sys.executable, "-m", "mtl", *command)]
    allowed = (0, 2) if "without" in name and command[0] in ("compose", "evaluate") else (0,)
    done = subprocess.run(words, capture_output=True, env={**os.environ, **changes}, timeout=600)
    told = done.stderr.decode(errors="backslashreplace").strip()
    broken = f"status {done.returncode}: {told[-300:]}" if done.returncode not in allowed else None
    found.note(name, "done", broken=broken)


ROW = Locales()
