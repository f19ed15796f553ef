"""The tracker `tensorboard`: event files, written by tensorboardX, which is small and needs no TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...core.contracts import Ending, TrackedRun, Tracker
from ..packages import require


class TensorBoard(Tracker):
    """Writes event files: numbers by epoch, pictures of answers, and the recipe as text.

    Look at them with `tensorboard --logdir FOLDER`. A run that is gone on with tells TensorBoard to forget
    what was written after the epoch that it goes on from.
    """

    def __init__(
        self,
        *,
        folder: Annotated[
            Path | None,
            Field(description="The folder of many runs, of which each gets its own; null: in the run's."),
        ] = None,
        pictures: Annotated[bool, Field(description="Keep pictures of answers too.")] = True,
    ) -> None:
        require("tracker 'tensorboard'", "tensorboardX", extra="tensorboard")
        self.folder, self.pictures = folder, pictures

    def start(self, run: TrackedRun) -> None:
        from tensorboardX import SummaryWriter

        place = run.own if self.folder is None else self.folder / run.name
        done = int(run.history[-1]["epoch"]) if run.history else 0
        # Files are named by the second: what is gone on with at once must not write over what was there.
        self._writer: Any = SummaryWriter(
            logdir=str(place),
            purge_step=done + 1 if done else None,
            flush_secs=5,
            filename_suffix=f".{done:05d}",
        )
        text = json.dumps(run.recipe, indent=2, default=str)
        self._writer.add_text("recipe", "".join(f"    {line}\n" for line in text.splitlines()), 0)

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def picture(self, epoch: int, name: str, pixels: NDArray[np.uint8]) -> None:
        if self.pictures:
            self._writer.add_image(f"answers/{name}", pixels, epoch, dataformats="HWC")

    def artifact(self, path: Path) -> None:
        self._writer.add_text(f"files/{path.name}", str(path), 0)

    def finish(self, ended: Ending) -> None:
        self._writer.close()
