"""Checks of trackers: a whole run is taken, and nothing around the tracker changes."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..base.errors import MissingRequirementError
from ..base.files import read_text
from ..contracts import TrackedRun, Tracker
from .checks import CheckSkipped, check, require
from .subjects import Subject

_ROW = {"learning_rate": 0.1, "train/answer/loss": 0.5, "validation/answer/loss": 0.25}
_NEVER = {**_ROW, "validation/answer/psnr": float("inf"), "cosine/one/two": float("nan")}
_RECIPE: dict[str, Any] = {"seed": 0, "dataset": {"name": "kit", "file": None}, "augmentations": []}
_REPORT = "report.html"


@dataclass(frozen=True)
class _Place:
    """The folder of a run that was never trained, with a file in it."""

    folder: Path

    def run(self, history: Sequence[dict[str, float]] = ()) -> TrackedRun:
        """Return the run as a tracker gets it."""
        own = self.folder / "tracking" / "kit"
        return TrackedRun(self.folder, own, "kit", _RECIPE, "0" * 64, tuple(history))

    def others(self) -> set[str]:
        """Return what lies in the folder, but for what the tracker may write."""
        own = self.run().own
        files = (path for path in self.folder.rglob("*") if own not in (path, *path.parents))
        return {path.relative_to(self.folder).as_posix() for path in files} - {"tracking"}


@check("tracker")
def check_a_whole_run_is_taken(subject: Subject) -> None:
    """A run is taken from its start to its end, with numbers that are not finite, pictures and files."""
    with _place() as place:
        _tell(_built(subject), place.run(), place, (_ROW, _NEVER))


@check("tracker")
def check_a_run_may_go_on(subject: Subject) -> None:
    """A run that was interrupted is taken again, by another tracker of the same options."""
    with _place() as place:
        first = _built(subject)
        first.start(place.run())
        first.scalars(1, dict(_ROW))
        first.finish("interrupted")
        _tell(_built(subject), place.run([{"epoch": 1, **_ROW}]), place, (_ROW, _ROW))


@check("tracker")
def check_only_its_own_folder_is_written(subject: Subject) -> None:
    """In the run's folder nothing changes but the tracker's own folder."""
    with _place() as place:
        before = place.others()
        _tell(_built(subject), place.run(), place, (_ROW,))
        found = place.others()
        content = ""
        if _REPORT in found:
            content = read_text(place.folder / _REPORT, "a report", hint="leave it alone", most=1000)
    require(
        found == before and content == "kit",
        "a run's folder with the files that were in it",
        ", ".join(sorted(found ^ before)) or f"another {_REPORT}",
        "write into `run.own`, or somewhere else altogether",
    )


@check("tracker")
def check_random_numbers_are_left_alone(subject: Subject) -> None:
    """No number is drawn from the global generators of torch and NumPy, which a training may draw from."""
    with _place() as place:
        tracker = _built(subject)
        before = _generators()
        _tell(tracker, place.run(), place, (_ROW,))
        after = _generators()
    require(
        before == after,
        "torch's and NumPy's global generators as they were",
        "another state",
        "draw from a generator of your own: numpy.random.default_rng()",
    )


@check("tracker")
def check_nothing_is_printed(subject: Subject) -> None:
    """Nothing is printed to stdout, where a command's answer goes."""
    said = io.StringIO()
    with _place() as place, contextlib.redirect_stdout(said):
        _tell(_built(subject), place.run(), place, (_ROW,))
    require(
        not said.getvalue(),
        "silence",
        repr(said.getvalue()[:60]),
        "tell people on stderr, or let the library be quiet",
    )


def _built(subject: Subject) -> Tracker:
    try:
        built: Tracker = subject.build()
    except MissingRequirementError as missing:
        raise CheckSkipped(missing.message) from None
    return built


@contextlib.contextmanager
def _place() -> Iterator[_Place]:
    with tempfile.TemporaryDirectory(prefix="mtl-tracker-") as temporary:
        place = _Place(Path(temporary).resolve() / "run")
        place.folder.mkdir()
        (place.folder / _REPORT).write_text("kit", encoding="utf-8")
        # A library that keeps its files where the process is keeps them there.
        with contextlib.chdir(temporary):
            yield place


def _tell(tracker: Tracker, run: TrackedRun, place: _Place, rows: Sequence[dict[str, float]]) -> None:
    tracker.start(run)
    done = len(run.history)
    for epoch, row in enumerate(rows, start=done + 1):
        tracker.scalars(epoch, dict(row))
    tracker.picture(done + 1, "answer", np.zeros((8, 12, 3), dtype=np.uint8))
    tracker.artifact(place.folder / _REPORT)
    tracker.finish("finished")


def _generators() -> tuple[bytes, bytes]:
    numpy_state = np.random.get_state(legacy=False)
    return torch.get_rng_state().numpy().tobytes(), repr(numpy_state).encode()
