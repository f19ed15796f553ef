"""Shows a training in a notebook: a bar over the epochs with the last losses, in one place of the page."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..base.notebook import in_notebook
from ..base.progress import Progress

_APART = 0.25
"""Seconds between two drawings."""


class NotebookProgress(Progress):
    """A bar that is drawn again at most four times a second; notes and warnings go to stderr."""

    def __init__(self) -> None:
        self._place: Any = None
        self._drawn = 0.0
        self._epochs = self._done = 0
        self._part = 0.0
        self._said = ""

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        self._epochs = epochs
        self._said = f"training on {device}"
        self._draw(now=True)

    def step(self, done: int, total: int) -> None:
        self._part = done / total
        self._draw()

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        losses = {key: value for key, value in row.items() if key.startswith("validation/")}
        shown = [f"{key.split('/')[1]} {value:.4g}" for key, value in losses.items() if key.endswith("/loss")]
        self._done, self._part = epoch, 0.0
        self._said = f"epoch {epoch} of {self._epochs}, validation losses: {', '.join(shown)}"
        self._draw()

    def of_seed(self, seed: int) -> Progress:
        return _SeedProgress(self, seed)

    def stage(self, name: str) -> None:
        self._done, self._part, self._said = self._epochs, 0.0, f"{name} ..."
        self._draw(now=True)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def warning(self, text: str) -> None:
        print(f"warning: {text}", file=sys.stderr)

    def stopped(self) -> None:
        if self._place is not None:
            self._said = "done" if self._done == self._epochs else f"stopped after epoch {self._done}"
            self._draw(now=True)

    def _draw(self, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._drawn < _APART:
            return
        self._drawn = time.monotonic()
        bar = f'<progress max="{self._epochs}" value="{min(self._done + self._part, self._epochs):.3f}">'
        display = import_module("IPython.display")
        content = display.HTML(f"<div>{bar}</progress> {html.escape(self._said)}</div>")
        if self._place is None:
            self._place = display.display(content, display_id=True)
        else:
            self._place.update(content)


class _SeedProgress(Progress):
    """One of several seeds: only the epoch that was last done is shown."""

    def __init__(self, whole: NotebookProgress, seed: int) -> None:
        self._whole, self._seed = whole, seed

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        self._whole.epoch(epoch, row, best)

    def warning(self, text: str) -> None:
        self._whole.warning(f"seed {self._seed}: {text}")


def usual_progress() -> Progress:
    """Return what shows a training that nobody asked to be shown: a bar in a notebook, nothing elsewhere."""
    return NotebookProgress() if in_notebook() else Progress()
