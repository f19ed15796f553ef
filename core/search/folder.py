"""The folder of a search: what is searched, the trials so far, a run folder for each, and the results.

`search.json` holds all that is known, and is written whenever a trial begins or ends; `trials/NNNN` are the
run folders, `best.yaml` is the recipe of the best one, `search.html` the page.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, FiniteFloat

from ..base.errors import UsageError
from ..base.files import make_own_folder, sweep, write_json, writing_to
from ..base.workplace import Workplace, enter, is_empty
from ..folders.differences import difference
from ..folders.json_files import Form, read_form
from .trials import State, Trial

SEARCH = "search.json"
FORMAT = 1

_ELSEWHERE = "choose another folder with --out"
_OR_REPLACE = f"{_ELSEWHERE}, or replace it with --force"


class _KeptTrial(Form):
    number: int
    values: dict[str, str | int | FiniteFloat]
    unknown: list[int]
    state: State
    scores: list[FiniteFloat]
    curve: list[Annotated[list[int | FiniteFloat], Field(min_length=2, max_length=2)]]
    epochs: int
    chosen_epoch: int
    seconds: FiniteFloat
    reason: str | None
    status: int


class _Marked(Form):
    """What `search.json` of every version says."""

    format: int


class _Kept(_Marked):
    """`search.json`, as far as a search goes on from it."""

    plan: dict[str, Any]
    seconds: FiniteFloat
    trials: list[_KeptTrial]


@dataclass
class SearchFolder:
    """A search's folder, worked in alone; `trials`, and the `seconds` they took, go on from what is there."""

    path: Path
    plan: Mapping[str, Any]
    workplace: Workplace
    trials: list[Trial] = field(default_factory=list)
    seconds: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, plan: Mapping[str, Any], warn: Callable[[str], None], *, force: bool = False
    ) -> Iterator[SearchFolder]:
        """Work alone in a new folder, or go on in one that holds the same search.

        Raises `UsageError` when something else is there, it is damaged, it searches something else (saying
        what differs), or somebody else is at work in it. With `force` an old search is kept aside until the
        new one is complete.
        """
        _known(path, plan, force=force)
        with enter(path, warn, create=True) as workplace:
            known = _known(path, plan, force=force)  # somebody may have been there first
            if force:
                workplace.set_aside()
            folder = cls(path, plan, workplace)
            if known is not None:
                folder.trials = [Trial.from_json(trial) for trial in known["trials"]]
                folder.seconds = known["seconds"]
            make_own_folder(path / "trials")
            for text in sweep(path / "trials"):
                warn(text)
            folder.keep({})
            yield folder

    def place(self, trial: Trial) -> Path:
        """Return the run folder of a trial."""
        return self.path / "trials" / trial.folder_name

    def put(self, trial: Trial) -> None:
        """Take note of a trial that began or ended."""
        self.trials[trial.number : trial.number + 1] = [trial]
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        self.keep({})

    def keep(self, found: Mapping[str, Any]) -> None:
        """Write `search.json`, with what was found."""
        self.workplace.check()
        write_json(self.path / SEARCH, {**self.to_json(), **found})

    def to_json(self) -> dict[str, Any]:
        """Return the search so far as JSON values."""
        trials = [trial.to_json() for trial in self.trials]
        return {"format": FORMAT, "plan": dict(self.plan), "seconds": self.seconds, "trials": trials}


def _known(path: Path, plan: Mapping[str, Any], *, force: bool) -> dict[str, Any] | None:
    """Return what a folder holds of this very search; None where there is nothing, or it is replaced."""
    with writing_to(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise UsageError(f"{path} is no folder", hint=_ELSEWHERE)
        if is_empty(path):
            return None
    if not os.path.lexists(path / SEARCH):
        raise UsageError(f"{path} is no folder of a search: it has no {SEARCH}", hint=_ELSEWHERE)
    if force:
        return None
    known = read_form(_Marked, path / SEARCH, "a search", hint=_OR_REPLACE)
    if known["format"] != FORMAT:
        raise UsageError(
            f"{path / SEARCH} has format {known['format']!r}, this version reads {FORMAT}", hint=_ELSEWHERE
        )
    known = read_form(_Kept, path / SEARCH, "a search", hint=_OR_REPLACE)
    if [trial["number"] for trial in known["trials"]] != list(range(len(known["trials"]))):
        raise UsageError(f"{path / SEARCH} is damaged: its trials are not counted from 0", hint=_OR_REPLACE)
    if known["plan"] != plan:
        raise UsageError(f"{path} holds another search: {_differs(known['plan'], plan)}", hint=_OR_REPLACE)
    return known


def _differs(known: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    gone = [key for key in known.get("space", {}) if key not in plan["space"]]
    return f"space: {gone[0]} is not searched here" if gone else difference(known, plan)


def usual_folder(parent: Path, name: str, plan: Mapping[str, Any]) -> Path:
    """Return `parent/name`, or with a number the first one that is free or holds this very search."""
    number, path = 1, parent / name
    while not is_empty(path) and not _is_same(path, plan):
        number += 1
        path = parent / f"{name}-{number}"
    return path


def _is_same(path: Path, plan: Mapping[str, Any]) -> bool:
    try:
        return _known(path, plan, force=False) is not None
    except UsageError:
        return False
