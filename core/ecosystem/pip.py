"""pip, as it installs into the environment that runs here."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ..base.errors import MissingRequirementError
from ..base.files import read_bytes

_MOST = 2**16

_STDERR = 2
"""Where pip speaks: stdout is for what a command answers."""


def pip_command(*words: str) -> list[str]:
    """Return the command that has pip do something in this environment.

    Raises `MissingRequirementError` where there is no pip, and says what does the same there.
    """
    if find_spec("pip") is None:
        maker = "uv" if _made_by_uv() else ""
        how = f"uv pip {shlex.join(words)} --python {shlex.quote(sys.executable)}".replace(" --yes", "")
        raise MissingRequirementError(
            "this environment has no pip" + (", since uv made it" if maker else ""),
            hint=how if maker else f"{shlex.quote(sys.executable)} -m ensurepip, then again",
        )
    return [sys.executable, "-m", "pip", *words]


def _made_by_uv() -> bool:
    """Return whether the environment says that uv made it."""
    file = Path(sys.prefix) / "pyvenv.cfg"
    if not file.is_file():
        return False
    text = read_bytes(file, "the description of an environment", hint="make it again", most=_MOST)
    return any(line.partition("=")[0].strip() == "uv" for line in text.decode(errors="replace").splitlines())


def run_pip(command: list[str]) -> None:
    """Run a command of pip, which speaks on stderr; raise `MissingRequirementError` if it fails."""
    done = subprocess.run(command, stdout=_STDERR, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise MissingRequirementError(
            f"pip could not do it, and ended with status {done.returncode}",
            hint="the reason is what pip says above",
        )


def conflicts() -> Iterator[str]:
    """Yield what `pip check` says of packages that do not go together."""
    command = pip_command("check", "--disable-pip-version-check")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        yield from filter(None, map(str.strip, done.stdout.splitlines()))
