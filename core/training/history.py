"""The rows of a training's epochs: `history.csv` for people, JSON values in checkpoints to go on from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from ..base.files import read_bytes, reading

CLOCK = "seconds"
"""The one column that differs when the same training is repeated."""

_MOST = 2**30


def to_csv(rows: Sequence[Mapping[str, float]]) -> str:
    """Return the rows as text, one line per epoch."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def read_csv(path: Path) -> list[dict[str, float]]:
    """Return the rows of a file; raise `UsageError`, naming it, when it is missing or damaged."""
    hint = "remove it: mtl resume writes it again from the checkpoint"
    text = read_bytes(path, "a history of epochs", hint=hint, most=_MOST).decode("utf-8", "replace")
    with reading(path, "a history of epochs", hint=hint):
        rows = [
            {key: int(value) if key == "epoch" else float(value) for key, value in row.items()}
            for row in csv.DictReader(io.StringIO(text), strict=True)
        ]
        if any("epoch" not in row or not isfinite(row[CLOCK]) for row in rows):
            raise ValueError("a row has no epoch or no time")
    return rows


def to_json(rows: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the rows as a checkpoint keeps them: without times, and what JSON does not know as text.

    >>> to_json([{"epoch": 1, "seconds": 0.7, "psnr": float("inf")}])
    [{'epoch': 1, 'seconds': None, 'psnr': 'inf'}]
    """
    return [
        {
            key: None if key == CLOCK else value if isfinite(value) else str(value)
            for key, value in row.items()
        }
        for row in rows
    ]


def from_json(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Return what `to_json` got; the times are 0.

    >>> from_json([{"epoch": 1, "seconds": None, "psnr": "inf"}])
    [{'epoch': 1, 'seconds': 0.0, 'psnr': inf}]
    """
    return [
        {
            key: 0.0 if key == CLOCK else float(value) if isinstance(value, str) else value
            for key, value in row.items()
        }
        for row in rows
    ]
