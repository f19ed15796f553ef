"""Answers as a table: a row per picture, one or two columns per task, in CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.base.errors import UsageError
from ..core.base.files import write_text

_IMAGE = "image"


def check_ending(path: Path) -> None:
    """Raise `UsageError` unless a file's name ends as a table of answers does."""
    if path.suffix not in (".csv", ".jsonl"):
        raise UsageError(
            f"{path}: answers are written as .csv or .jsonl", hint="for example --to answers.csv"
        )


def write_answers(
    path: Path,
    images: Sequence[str],
    answers: Sequence[Mapping[str, Mapping[str, Any]]],
    what: str = _IMAGE,
) -> None:
    """Write the answers to pictures or rows (`what`), by task as JSON values, atomically; by the ending."""
    rows = [
        {what: image, **{key: value for task, given in found.items() for key, value in _cells(task, given)}}
        for image, found in zip(images, answers, strict=True)
    ]
    write_text(path, _csv(rows) if path.suffix == ".csv" else _json_lines(rows))


def _cells(task: str, answer: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the cells of one answer: a class and how probable it is, or tags and how probable each is, or
    values, or where a picture was saved.
    """
    if "class" in answer:
        return [(task, answer["class"]), (f"{task} probability", answer["probability"])]
    if "tags" in answer:
        each = [(f"{task} {name}", number) for name, number in answer["probabilities"].items()]
        return [(task, ";".join(answer["tags"])), *each]
    if "points" in answer:
        return [
            (f"{task} {name} {number}", value)
            for name, place in answer["points"].items()
            for number, value in place.items()
        ]
    if "values" in answer:
        values = answer["values"]
        return [(task if len(values) == 1 else f"{task} {name}", number) for name, number in values.items()]
    return [(task, answer.get("file", ""))]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [_IMAGE], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
