"""Runs as they lie on the disk: found, described, tagged and removed, without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints

from ..base.errors import MtlError, RecipeError, UsageError
from ..base.files import write_json
from ..base.locks import is_held
from ..base.workplace import enter
from ..recipe.recipe_source import read_recipe
from ..recipe.seed_list import SEEDS
from ..recipe.several_runs import several_in
from .json_files import Form, Metrics, read_form

TAGS, CELL, TRIAL = "tags.json", "cell.json", "trial.json"
"""A run's tags, what says that a cell of a comparison is finished, and what became of a trial of a search."""
DEEPEST = 6
"""Folders below the one that is looked through."""

FINISHED, UNFINISHED, AT_WORK, DAMAGED = "finished", "unfinished", "at work", "damaged"
TRIED, PRUNED = "trial", "pruned"
"""Trained as a trial of a search, and judged on validation alone; and stopped there before its time."""

Tag = Annotated[str, StringConstraints(pattern=r"^[\w.+-]{1,40}$")]


class TrialFile(Form):
    """`trial.json` of a run that is a trial of a search."""

    state: str


class Tags(Form):
    """`tags.json` of a run."""

    tags: list[Tag]


@dataclass(frozen=True)
class KeptRun:
    """A run's folder: its state, its recipe, and its test metrics by task where it is finished.

    `reason` says what is damaged; `changed` is when the folder last was, in seconds since 1970.
    """

    path: Path
    state: str
    recipe: Mapping[str, Any]
    metrics: Mapping[str, Any]
    tags: tuple[str, ...]
    changed: float
    reason: str | None = None

    @property
    def test(self) -> Mapping[str, Mapping[str, float | None]]:
        """The metrics of the test split, by task and name."""
        found: Mapping[str, Mapping[str, float | None]] = self.metrics.get("test", {})
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe with every value under its keys joined by points: `train.epochs`."""
        return dict(flattened(self.recipe))

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON values."""
        return {
            "run": str(self.path),
            "state": self.state,
            "reason": self.reason,
            "tags": [*self.tags],
            "changed": self.changed,
            "test": {task: dict(values) for task, values in self.test.items()},
            "recipe": dict(self.recipe),
        }


def runs_under(folder: Path) -> Iterator[KeptRun]:
    """Yield the runs in a folder and below it, by path; raise `UsageError` where there is no folder.

    Links are not followed; the cells of comparisons and the runs of several seeds are runs like others.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="name a folder that holds runs, such as runs")
    for path in sorted(_candidates(folder, DEEPEST)):
        yield kept_run(path)


def _candidates(folder: Path, deepest: int) -> Iterator[Path]:
    if (folder / "recipe.yaml").is_file() and (folder / "environment.json").is_file():
        yield folder
        return
    if not deepest:
        return
    try:
        inside = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except PermissionError:  # whose runs cannot be read has none to show
        return
    for path in map(Path, inside):
        if not path.name.startswith("."):
            yield from _candidates(path, deepest - 1)


def kept_run(path: Path) -> KeptRun:
    """Return what a run's folder holds; a damaged file is told in `reason`.

    Raises `UsageError` where there is no run.
    """
    if not (path / "recipe.yaml").is_file():
        several = several_in(path) is not None
        told, around = (" of its own: it holds several", path) if several else ("", path.parent)
        raise UsageError(f"{path} is no run{told}", hint=f"mtl runs list {around} names those there")
    files = (entry for entry in path.iterdir() if entry.is_file() and entry.name != TAGS)
    changed = max((entry.stat().st_mtime for entry in files), default=0.0)
    found: dict[str, Any] = {"recipe": {}, "metrics": {}, "tags": ()}
    reason = None
    for part, read in (("recipe", _recipe), ("metrics", _metrics), ("tags", tags_of), ("tried", _tried)):
        try:
            found[part] = read(path)
        except (UsageError, RecipeError) as error:
            reason = reason or _told(error)
    ended = (path / "report.html").is_file() or (path / CELL).is_file()
    tried = found.pop("tried", None)
    whole = FINISHED if ended and found["metrics"] else tried or UNFINISHED
    state = AT_WORK if _is_at_work(path) else DAMAGED if reason else whole
    return KeptRun(path, state, changed=changed, reason=reason, **found)


def _tried(path: Path) -> str | None:
    """Return the state of what was trained as a trial of a search, and is no more than that."""
    if not os.path.lexists(path / TRIAL):
        return None
    found = read_form(TrialFile, path / TRIAL, "what became of a trial", hint="repeat mtl search")
    return {"finished": TRIED, "pruned": PRUNED}.get(found["state"])


def _is_at_work(path: Path) -> bool:
    return is_held(path) or ((path.parent / SEEDS).is_file() and is_held(path.parent))


def _told(error: MtlError) -> str:
    if not isinstance(error, RecipeError):
        return error.message
    first = error.problems[0]
    return f"{first.where}: {first.message}" if first.where else first.message


def _recipe(path: Path) -> dict[str, Any]:
    return read_recipe(path / "recipe.yaml").tree


def _metrics(path: Path) -> dict[str, Any]:
    if not os.path.lexists(path / "metrics.json"):
        return {}
    hint = f"mtl resume {path} writes it again"
    return read_form(Metrics, path / "metrics.json", "a JSON file of the run", hint=hint)


def tags_of(path: Path) -> tuple[str, ...]:
    """Return the tags of a run; raise `UsageError` when their file is damaged."""
    if not os.path.lexists(path / TAGS):
        return ()
    found = read_form(Tags, path / TAGS, "the tags of a run", hint="delete the file: it holds nothing else")
    return tuple(found["tags"])


def tag(path: Path, add: Sequence[str], take: Sequence[str] = ()) -> tuple[str, ...]:
    """Add tags to a run and take others from it; return those it has. A tag has letters, digits and ._+-"""
    known = tags_of(path)
    tags = [*dict.fromkeys([*(name for name in known if name not in take), *add])]
    try:
        Tags.model_validate({"tags": tags})
    except ValueError:
        raise UsageError(
            f"no tag: {', '.join(repr(name) for name in add)}", hint="up to 40 letters, digits, and ._+-"
        ) from None
    write_json(path / TAGS, {"tags": tags})
    return tuple(tags)


def remove_run(path: Path, warned: list[str]) -> None:
    """Delete a run's folder in one step; `warned` is told of what could not be removed.

    Several seeds, and a comparison, are removed as a whole. Raises `UsageError` where there is nothing of the
    kind, for a link, and when somebody is at work in it.
    """
    if several_in(path) is None:
        kept_run(path)
    if path.is_symlink():
        raise UsageError(f"{path} is a link", hint="name the folder itself")
    enclosing = path.parent if (path.parent / SEEDS).is_file() else None
    if enclosing is not None and is_held(enclosing):
        raise UsageError(f"another process is at work in {enclosing}", hint="wait for it to end")
    with enter(path, warned.append) as workplace:
        workplace.abandon()


def is_at_work(path: Path) -> bool:
    """Return whether somebody is at work in a run, in several seeds or in a comparison."""
    if several_in(path) is None:
        return kept_run(path).state == AT_WORK
    return is_held(path)


def flattened(tree: Mapping[str, Any], *before: str) -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables under their keys, joined by points.

    >>> dict(flattened({"train": {"epochs": 3}, "seed": 0}))
    {'train.epochs': 3, 'seed': 0}
    """
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, *before, str(key))
        else:
            yield ".".join((*before, str(key))), value
