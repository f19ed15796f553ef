"""Which Python a runtime is in: this one, one that a person names, or one made once in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import click

from ...core.base.cache import cache_folder, cache_key
from ...core.base.errors import MissingRequirementError, UsageError
from ...core.base.files import make_folder, write_text, writing_to
from ...core.base.locks import take_lock
from .runtime import Runtime

COMPLETE = "complete"
"""The file in an environment that is written last."""

PATIENCE = 1800.0
"""Seconds that pip may take."""


def variable(runtime: Runtime) -> str:
    """Return the environment variable that names a runtime's environment.

    >>> from mtl.exports.elsewhere.runtime import OPENVINO
    >>> variable(OPENVINO)
    'MTL_ISOLATED_OPENVINO'
    """
    return f"MTL_ISOLATED_{runtime.name.upper().replace('-', '_')}"


def exporting_python(runtime: Runtime, isolated: bool, python: str | None) -> Path:
    """Return the Python to export with; made now where an environment of its own is asked for.

    `python` is that of an environment, or its folder. Raises `MissingRequirementError` when the runtime is
    not installed beside mtl and nothing else was asked for, or pip cannot install it, and `UsageError` when
    there is no Python where one is named.
    """
    if python is not None or isolated:
        named = python or os.environ.get(variable(runtime))
        return _named(named, runtime) if named else _made(runtime)
    if runtime.absent:
        raise runtime.missing()
    return Path(sys.executable)


def existing_python(runtime: Runtime) -> Path:
    """Return the Python that runs an existing file: a named one, this one, or one that an export made.

    Raises `MissingRequirementError` when the runtime is in none.
    """
    if named := os.environ.get(variable(runtime)):
        return _named(named, runtime)
    if not runtime.absent:
        return Path(sys.executable)
    folder = _place(runtime)
    if folder is not None and (folder / COMPLETE).is_file():
        return _python_in(folder)
    raise runtime.missing()


def is_installed(runtime: Runtime) -> bool:
    """Whether `existing_python` finds a Python for a runtime."""
    with suppress(MissingRequirementError):
        existing_python(runtime)
        return True
    return False


def _named(named: str, runtime: Runtime) -> Path:
    place = Path(named)
    place = _python_in(place) if place.is_dir() else place
    if not os.access(place, os.X_OK) or not place.is_file():
        hint = f"name the folder of an environment, or its interpreter ({variable(runtime)}, or python=PATH)"
        raise UsageError(f"{place} is no Python to run {runtime.title} with", hint=hint)
    return place.absolute()


def _python_in(folder: Path) -> Path:
    return folder / "bin" / "python"


def _place(runtime: Runtime) -> Path | None:
    """Return where a runtime's own environment is kept; another torch or Python gets another one."""
    folder = cache_folder()
    if folder is None:
        return None
    key = cache_key([runtime.packages, sys.version_info[:2], _outer()])
    return folder / "environments" / f"{runtime.name}-{key[:12]}"


def _outer() -> str:
    """Return the folder of the packages that mtl runs with: gigabytes of torch are not installed twice."""
    spec = find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parents[1])


def _made(runtime: Runtime) -> Path:
    folder = _place(runtime)
    if folder is None:
        raise MissingRequirementError(
            "there is no folder to keep an environment in", hint="set MTL_CACHE_DIR, or pass python=PATH"
        )
    if not (folder / COMPLETE).is_file():
        make_folder(folder.parent)
        # `venv --clear` would remove a lock inside.
        lock = take_lock(folder.parent)
        try:
            _make(runtime, folder)
        finally:
            lock.release()
    return _python_in(folder)


def _make(runtime: Runtime, folder: Path) -> None:
    """Make an environment whose own packages come before those that mtl runs with, and fill it by pip."""
    click.echo(f"{runtime.title} gets an environment of its own in {folder}: {runtime.space}, once", err=True)
    _done([sys.executable, "-m", "venv", "--clear", str(folder)], runtime, "venv")
    inside = next((folder / "lib").glob("python*")) / "site-packages"
    with writing_to(inside):
        write_text(inside / "mtl-outer.pth", _outer() + "\n")
    pip = [str(_python_in(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _done([*pip, *runtime.packages], runtime, "pip")
    with writing_to(folder):
        write_text(folder / COMPLETE, " ".join(runtime.packages) + "\n")


def _done(command: list[str], runtime: Runtime, what: str) -> None:
    hint = f"is there a network? Or name an environment that has it: {variable(runtime)}=DIR"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise MissingRequirementError(
            f"{what} did not install {runtime.title} within {PATIENCE:.0f} s", hint=hint
        ) from None
    except OSError as error:
        raise MissingRequirementError(f"{what} cannot be run: {error.strerror or error}", hint=hint) from None
    if done.returncode:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        # pip goes on beside what other packages would rather have; what it ended with it says last.
        reason = next(
            (line for line in reversed(said) if line.startswith("ERROR")), (said or ["nothing"])[-1]
        )
        raise MissingRequirementError(f"{what} cannot install {runtime.title}: {reason[:300]}", hint=hint)
