"""The folder of a search: what is searched, the trials so far, a run folder for each, and the results.

`trials/NNNN` are the run folders, beside which lies what was asked and how it ended: from that all else
follows. `search.json` shows it, and is written whenever a trial begins or ends; `best.yaml` is the recipe of
the best one, `search.html` the page.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.errors import UsageError
from ..base.files import make_own_folder, write_json, write_new, writing_to
from ..base.workplace import Workplace, enter, is_empty
from ..folders.differences import difference
from ..folders.json_files import Form, read_form
from . import records
from .trials import Trial

SEARCH, TRIALS = "search.json", "trials"
FORMAT = 2

_ELSEWHERE = "choose another folder with --out"
_OR_REPLACE = f"{_ELSEWHERE}, or replace it with --force"


class _Marked(Form):
    """What `search.json` of every version says."""

    format: int


class _Kept(_Marked):
    """`search.json`, as far as a search goes on from it."""

    plan: dict[str, Any]


@dataclass
class SearchFolder:
    """A search's folder, in which any number of drivers work; `trials` are those that this one knows of."""

    path: Path
    plan: Mapping[str, Any]
    workplace: Workplace
    trials: list[Trial] = field(default_factory=list)
    _clock: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, plan: Mapping[str, Any], warn: Callable[[str], None], *, force: bool = False
    ) -> Iterator[SearchFolder]:
        """Work in a new folder, or in one that holds the same search, beside others who do.

        Raises `UsageError` when something else is there, it is damaged, or it searches something else (saying
        what differs). With `force` the folder is for this driver alone, and an old search is kept aside until
        the new one is complete.
        """
        _refuse(path, plan, force=force)
        with enter(path, warn, create=True, shared=not force) as workplace:
            _refuse(path, plan, force=force)  # somebody may have been there first
            if force:
                workplace.set_aside()
            folder = cls(path, plan, workplace)
            if is_empty(path):
                write_new(path / SEARCH, json.dumps(folder.to_json(), indent=2).encode() + b"\n")
            _refuse(path, plan, force=False)  # another driver may have been first just now
            make_own_folder(path / TRIALS)
            folder.look()
            yield folder

    @property
    def seconds(self) -> float:
        """How long the search took, as its trials tell."""
        return max((trial.begun + trial.seconds for trial in self.trials), default=0.0)

    @property
    def clock(self) -> float:
        """How long the search takes so far.

        Time in which nobody works does not count, and where several do it counts once: everyone goes on from
        the latest that any trial tells.
        """
        return self._clock + time.monotonic() - self._since

    def place(self, trial: Trial) -> Path:
        """Return the run folder of a trial."""
        return self._place(trial.number)

    def look(self) -> list[Trial]:
        """Read what was asked for and what ended since; return the trials that have ended meanwhile."""
        known, new = len(self.trials), list[Trial]()
        for trial in [trial for trial in self.trials if trial.state == "running"]:
            if (ended := records.ended(self.place(trial), trial)) is not None:
                self.trials[trial.number] = ended
                new.append(ended)
        while (other := self._asked(len(self.trials))) is not None:
            self.trials.append(other)
            new += [other] if other.state != "running" else []
        if self.seconds > self.clock:
            self._clock, self._since = self.seconds, time.monotonic()
        if new or len(self.trials) > known:
            self.keep({})
        return new

    def ask(self, values: Mapping[str, Any], unknown: tuple[int, ...]) -> Trial | None:
        """Ask for the next trial; None where somebody else has asked for it just now."""
        trial = Trial(len(self.trials), values, unknown, begun=self.clock)
        if not records.ask(self.place(trial), trial):
            return None
        self.trials.append(trial)
        self.keep({})
        return trial

    def keep(self, found: Mapping[str, Any]) -> None:
        """Write `search.json`, with what was found."""
        self.workplace.check()
        write_json(self.path / SEARCH, {**self.to_json(), **found})

    def to_json(self) -> dict[str, Any]:
        """Return the search so far as JSON values."""
        trials = [trial.to_json() for trial in self.trials]
        return {"format": FORMAT, "plan": dict(self.plan), "seconds": self.seconds, "trials": trials}

    def _place(self, number: int) -> Path:
        return self.path / TRIALS / f"{number:04d}"

    def _asked(self, number: int) -> Trial | None:
        """Return a trial that somebody asked for, as far as it is known; None where nobody did."""
        place = self._place(number)
        if (trial := records.asked(place)) is None:
            return None
        return records.ended(place, trial) or trial


def _refuse(path: Path, plan: Mapping[str, Any], *, force: bool) -> None:
    """Raise `UsageError` where a folder holds something else than this very search, unless it is replaced."""
    with writing_to(path):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise UsageError(f"{path} is no folder", hint=_ELSEWHERE)
        if is_empty(path):
            return
    if not os.path.lexists(path / SEARCH):
        raise UsageError(f"{path} is no folder of a search: it has no {SEARCH}", hint=_ELSEWHERE)
    if force:
        return
    known = read_form(_Marked, path / SEARCH, "a search", hint=_OR_REPLACE)
    if known["format"] != FORMAT:
        raise UsageError(
            f"{path / SEARCH} has format {known['format']!r}, this version reads {FORMAT}", hint=_ELSEWHERE
        )
    known = read_form(_Kept, path / SEARCH, "a search", hint=_OR_REPLACE)
    if known["plan"] != plan:
        raise UsageError(f"{path} holds another search: {_differs(known['plan'], plan)}", hint=_OR_REPLACE)


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
        _refuse(path, plan, force=False)
    except UsageError:
        return False
    return True
