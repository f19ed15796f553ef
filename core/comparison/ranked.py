"""Finished comparisons of several data sets, ranked together: read, checked, told, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.errors import UsageError, suggest
from ..base.files import write_json, write_text
from ..folders.json_files import Form, read_form
from .ranking import Ranking, ranking, ranks_of
from .ranks_picture import diagram
from .verdicts import shown_p

ALONE = "single-task"
_HINT = "name folders of finished comparisons: mtl compare --rank runs/one --rank runs/two"


class Compared(Form):
    """What is read of a `compare.json`."""

    tasks: dict[str, dict[str, Any]]
    variants: list[dict[str, Any]]
    single_task: list[dict[str, Any]]
    recipe: dict[str, Any]
    seeds: list[int]


def rank(folders: Sequence[Path], against: str | None = None) -> dict[str, Any]:
    """Return the methods of several comparisons, one for each data set, ranked; `against` is the baseline.

    On each task methods are ranked by their mean over seeds, on each data set by their mean rank over tasks.
    Single-task training is a method too, and the baseline where none is named, if all folders have it.
    Raises `UsageError` for fewer than two folders or methods, folders of other methods or of one data set,
    and a method without a result.
    """
    if len(folders) < 2:
        raise UsageError("one comparison cannot be ranked: a data set is one rank", hint=_HINT)
    read = {path: _read(path) for path in folders}
    if len(read) < len(folders):
        raise UsageError("--rank names a folder twice", hint=_HINT)
    _refuse_one_data_set(read)
    scores = {path: _scores(path, found) for path, found in read.items()}
    methods = _common_methods(scores)
    if against is not None and against not in methods:
        raise UsageError(
            f"--against: no variant {against!r}", hint=suggest(against, list(methods), "variants")
        )
    table = []
    for path, found in read.items():
        higher = {task: item["direction"] == "higher" for task, item in found["tasks"].items()}
        values = {task: [scores[path][name][task] for name in methods] for task in found["tasks"]}
        table.append(ranks_of(values, higher))
    made = ranking(methods, table, against or (ALONE if ALONE in methods else None))
    return {
        "format": 1,
        "folders": [str(path) for path in folders],
        "data_sets": [found["recipe"]["dataset"]["name"] for found in read.values()],
        "seeds": [len(found["seeds"]) for found in read.values()],
        **made.to_json(),
        "verdicts": _sentences(made),
    }


def write_ranking(path: Path, found: Mapping[str, Any]) -> None:
    """Write `ranks.json` and the diagram of critical differences, `ranks.svg`, into a folder."""
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / "ranks.json", found)
    write_text(path / "ranks.svg", diagram(found))


def _read(path: Path) -> dict[str, Any]:
    return read_form(Compared, path / "compare.json", "the results of a comparison", hint=_HINT)


def _refuse_one_data_set(read: Mapping[Path, Mapping[str, Any]]) -> None:
    known: dict[str, Path] = {}
    for path, found in read.items():
        data = str(found["recipe"].get("dataset"))
        if data in known:
            raise UsageError(
                f"{known[data]} and {path} are of one data set, which counts once",
                hint="rank comparisons of different data sets",
            )
        known[data] = path


def _scores(path: Path, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return by method its mean on each task; a method that lacks one is refused."""
    scores: dict[str, dict[str, Any]] = {}
    for row in found["single_task"]:
        scores.setdefault(ALONE, {}).setdefault(row["task"], (row["value"] or {}).get("mean"))
    for row in found["variants"]:
        scores[row["name"]] = {
            task: ((row["tasks"].get(task) or {}).get("value") or {}).get("mean") for task in found["tasks"]
        }
    for name, by_task in scores.items():
        for task in found["tasks"]:
            if by_task.get(task) is None:
                raise UsageError(
                    f"{path}: {name} has no result on {task!r}: it cannot be ranked",
                    hint="repeat the comparison until all its trainings are there, or without this variant",
                )
    return scores


def _common_methods(scores: Mapping[Path, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the methods that all have; single-task training may be missing, any other is refused."""
    alone = all(ALONE in found for found in scores.values())
    (first, *_), *_ = scores.items()
    methods = [name for name in scores[first] if alone or name != ALONE]
    for path, found in scores.items():
        for one, other, names in ((first, path, found), (path, first, methods)):
            if lacks := [name for name in names if name != ALONE and name not in scores[one]]:
                raise UsageError(
                    f"{one} lacks {lacks[0]!r}, which {other} has: methods that all have are ranked",
                    hint="compare the same variants on every data set",
                )
    if len(methods) < 2:
        raise UsageError("one method cannot be ranked", hint="compare two or more on every data set")
    return tuple(methods)


def _sentences(made: Ranking) -> list[str]:
    count = len(made.table)
    differ = "differ" if made.p < 0.05 else "do not surely differ"
    first = f"{len(made.methods)} methods on {count} data sets {differ} (Friedman, Iman and Davenport: "
    first += f"{shown_p(made.p)}); two differ when their mean ranks are {made.critical_difference:.2f} apart"
    told = [first]
    for name, p in made.against.items():
        better = made.mean[made.methods.index(name)] < made.mean[made.methods.index(made.baseline or name)]
        verb = "ranks above" if better else "ranks below"
        told.append(
            f"{name} {verb} {made.baseline}, {shown_p(p)}"
            if p < 0.05
            else f"{name}: no evidence against {made.baseline} ({shown_p(p)})"
        )
    if count < 5:
        told.append(f"{count} data sets are few: hardly any difference is large enough to be sure")
    return told
