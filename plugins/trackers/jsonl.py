"""The tracker `jsonl`: everything as lines of JSON in the run's own folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from ...core.base.files import write_bytes
from ...core.contracts import Ending, TrackedRun, Tracker


class JsonLines(Tracker):
    """Writes `tracking/jsonl/events.jsonl`: a line at the start, per epoch, picture and file, and at the end.

    A number that JSON does not know is text (`"inf"`). Pictures are PNG files beside it. A run that is gone
    on with begins with the epochs that were done before, so every epoch is there once.
    """

    def __init__(
        self, *, pictures: Annotated[bool, Field(description="Keep pictures of answers too.")] = True
    ) -> None:
        self.pictures = pictures

    def start(self, run: TrackedRun) -> None:
        self._run = run
        self._file = run.own / "events.jsonl"
        run.own.mkdir(parents=True, exist_ok=True)
        begun = {"event": "start", "name": run.name, "recipe_hash": run.recipe_hash, "recipe": run.recipe}
        lines = [_line(begun), *(_line(_scalars(int(row["epoch"]), row)) for row in run.history)]
        write_bytes(self._file, b"".join(lines))

    def scalars(self, epoch: int, values: Mapping[str, float]) -> None:
        self._add(_scalars(epoch, values))

    def picture(self, epoch: int, name: str, pixels: NDArray[np.uint8]) -> None:
        if not self.pictures:
            return
        path = self._run.own / f"epoch-{epoch:05d}-{name}.png"
        content = BytesIO()
        Image.fromarray(pixels).save(content, format="PNG")
        write_bytes(path, content.getvalue())
        self._add({"event": "picture", "epoch": epoch, "name": name, "file": path.name})

    def artifact(self, path: Path) -> None:
        self._add({"event": "artifact", "file": path.relative_to(self._run.folder).as_posix()})

    def finish(self, ended: Ending) -> None:
        self._add({"event": "finish", "ended": ended})

    def _add(self, event: Mapping[str, Any]) -> None:
        with self._file.open("ab") as file:
            file.write(_line(event))


def _scalars(epoch: int, values: Mapping[str, float]) -> dict[str, Any]:
    known = {key: value if isfinite(value) else str(value) for key, value in values.items() if key != "epoch"}
    return {"event": "scalars", "epoch": epoch, "values": known}


def _line(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, allow_nan=False, default=str).encode() + b"\n"
