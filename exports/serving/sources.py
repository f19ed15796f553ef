"""Which files are served, and under which names; looked up again on every reload."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.base.errors import UsageError
from ...core.recipe.several_runs import refuse_several

MODEL = "model.onnx"
MOST = 100
"""Models of one server: each takes threads and memory of its own."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Source:
    """The file of a model; `found` in a folder of several, whose other models are served without it."""

    path: Path
    found: bool = False


def sources(arguments: Sequence[str]) -> dict[str, Source]:
    """Return where each model comes from, by the name it is served under.

    An argument is a file, the folder of a run, or a folder that holds such files and folders, and may have
    `NAME=` before it. Raises `UsageError` when two models share a name or a folder holds none.
    """
    taken: dict[str, Source] = {}
    for argument in arguments:
        for name, source in _of(argument).items():
            if name in taken:
                raise UsageError(
                    f"two models would be called {name!r}: {taken[name].path} and {source.path}",
                    hint=f"give one another name: other={source.path}",
                )
            taken[name] = source
    if len(taken) > MOST:
        raise UsageError(
            f"{len(taken)} models are too many for one server; {MOST} are served",
            hint="name fewer, or start several servers",
        )
    return taken


def _of(argument: str) -> Mapping[str, Source]:
    given, equals, rest = argument.partition("=")
    named = bool(equals) and _NAME.fullmatch(given) is not None and not Path(argument).exists()
    path = Path(rest if named else argument)
    if not path.is_dir():
        return {given if named else _name_of(path): Source(path)}
    refuse_several(path)
    if (path / MODEL).exists():
        return {given if named else _name_of(path / MODEL): Source(path / MODEL)}
    return _within(path, given if named else None)


def _within(folder: Path, given: str | None) -> Mapping[str, Source]:
    files = [*folder.glob("*.onnx"), *folder.glob(f"*/{MODEL}")]
    # Hidden names are those of unfinished copies, and of the versions behind a mounted volume.
    shown = sorted(file for file in files if not file.relative_to(folder).parts[0].startswith("."))
    if not shown:
        raise UsageError(
            f"{folder} holds no model: neither {MODEL} nor *.onnx nor folders with a {MODEL}",
            hint="export a run into it: mtl export RUN",
        )
    if given is not None:
        raise UsageError(
            f"{folder} holds several models, which one name cannot mean: {given}",
            hint=f"name one of them: {given}={shown[0]}",
        )
    taken: dict[str, Source] = {}
    for file in shown:
        name = _name_of(file)
        if name in taken:
            raise UsageError(
                f"two models would be called {name!r}: {taken[name].path} and {file}",
                hint="rename one of them",
            )
        taken[name] = Source(file, found=True)
    return taken


def _name_of(path: Path) -> str:
    """Return the name of a file, or of its folder when the file is just the model of a run."""
    stem = path.resolve().parent.name if path.stem == "model" else path.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")
    return name or "model"
