"""What is kept of each trial: what was asked, and how it ended, a file each that is written once.

Who makes a file first decides what it says. So drivers on any number of machines, who only see the same
folder, agree on every trial.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat

from ..base.errors import UsageError
from ..base.files import write_new
from ..folders.json_files import Form, read_form
from .trials import Trial

_HINT = "replace the search with --force"
_ASKED = ("number", "values", "unknown", "begun")
"""What is known of a trial before it ends."""


class _Asked(Form):
    number: int
    values: dict[str, str | int | FiniteFloat]
    unknown: list[int]
    begun: FiniteFloat


class _Ended(Form):
    state: Literal["finished", "pruned", "failed"]
    scores: list[FiniteFloat]
    curve: list[Annotated[list[int | FiniteFloat], Field(min_length=2, max_length=2)]]
    epochs: int
    chosen_epoch: int
    seconds: FiniteFloat
    reason: str | None
    status: int


def ask(place: Path, trial: Trial) -> bool:
    """Keep what a trial is to try, beside its run folder; return whether nobody else had asked for it."""
    return _kept(_asked(place), {key: value for key, value in trial.to_json().items() if key in _ASKED})


def end(place: Path, trial: Trial) -> bool:
    """Keep how a trial ended, beside its run folder; return whether nobody else had said so."""
    return _kept(_ended(place), {key: value for key, value in trial.to_json().items() if key not in _ASKED})


def asked(place: Path) -> Trial | None:
    """Return the trial of a run folder as it was asked for, None where it was not; raise for damage."""
    if not os.path.lexists(_asked(place)):
        return None
    said = read_form(_Asked, _asked(place), "what a trial is to try", hint=_HINT)
    if said["number"] != int(place.name):
        raise UsageError(f"{_asked(place)} is damaged: it is of trial {said['number']}", hint=_HINT)
    return Trial(said["number"], said["values"], tuple(said["unknown"]), begun=said["begun"])


def ended(place: Path, trial: Trial) -> Trial | None:
    """Return a trial as it ended, None where it did not; raise `UsageError` for a damaged file."""
    if not has_ended(place):
        return None
    said = read_form(_Ended, _ended(place), "how a trial ended", hint=_HINT)
    return Trial.from_json({**trial.to_json(), **said})


def has_ended(place: Path) -> bool:
    """Return whether it is known how the trial of a run folder ended."""
    return os.path.lexists(_ended(place))


def failed(trial: Trial, reason: str, status: int, seconds: float = 0.0) -> Trial:
    """Return a trial that could not be trained."""
    return replace(trial, state="failed", reason=reason, status=status, seconds=seconds)


def _asked(place: Path) -> Path:
    return place.with_name(f"{place.name}.asked.json")


def _ended(place: Path) -> Path:
    return place.with_name(f"{place.name}.ended.json")


def _kept(path: Path, said: Mapping[str, Any]) -> bool:
    return write_new(path, json.dumps(said, indent=2, allow_nan=False).encode() + b"\n")
