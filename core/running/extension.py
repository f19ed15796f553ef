"""What became of the tasks that a run had before it was extended: looked at after every training of it.

Where the rest stayed as it was, the old tasks' answers are the same bits, in torch and in the exported file;
where it was trained on, their metrics stand beside those of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import torch

from ..base.errors import VerificationError
from ..base.progress import Progress
from ..contracts import ExportSubject
from ..discovery.registry import Registry
from ..evaluation.evaluation import evaluate
from ..folders.json_files import Extension, read_form
from ..folders.run_folder import RunFolder
from ..recipe.recipe import Recipe
from .alike import file_alike
from .exporting import export_subject
from .made_from import MadeFrom
from .pipeline import Outcome
from .run import Run
from .started_from import run_started_from

EXTENSION = "extension.json"
"""In the folder of an extended run: of which run it is, and what became of that one's tasks."""

_BATCH = 64


@dataclass(frozen=True)
class OldTasks(MadeFrom):
    """The tasks of the run that another one extends; with `finetune` they are trained on.

    `run` is None where that run is not at hand any more; `reason` says why.
    """

    file: ClassVar[str] = EXTENSION
    name: ClassVar[str] = "extension"

    path: Path
    finetune: bool
    run: Run | None
    reason: str = ""

    def begun(self) -> dict[str, Any]:
        return {"run": str(self.path), "finetune": self.finetune}

    def found(self, outcome: Outcome) -> dict[str, Any]:
        """Return what became of them; raise `VerificationError`, naming a task that answers otherwise."""
        if self.run is None:
            return {"not_compared": self.reason}
        return changed(self.run, outcome) if self.finetune else proven(self.run, outcome)


def old_tasks_of(
    folder: RunFolder, recipe: Recipe, registry: Registry, progress: Progress
) -> OldTasks | None:
    """Return the old tasks of a run that extends another one, None where it does not.

    `progress` is warned where that run is gone, damaged or has other weights by now.
    """
    path = folder.path / EXTENSION
    if not path.is_file() or recipe.init_from is None:
        return None
    what, hint = "what an extended run was made from", "mtl extend makes it anew, with --force"
    known = read_form(Extension, path, what, hint=hint)
    finetune = bool(known.get("finetune", "test" in known))
    start = recipe.init_from
    run, reason = run_started_from(start, registry, progress)
    if run is None:
        progress.warning(f"the old tasks will not be compared with how they were: {reason}")
    return OldTasks(start.run, finetune, run, reason)


def proven(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Return how it was seen that the old tasks answer bit for bit as in the run, on test samples.

    Raises `VerificationError`, naming the task, when one does not.
    """
    tasks = tuple(run.composition.tasks)
    before = export_subject(run.composition, outcome.splits.test, {})
    after = export_subject(outcome.composition, outcome.splits.test, {})
    count = len(next(iter(after.samples.values())))
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        _refuse_other(_raw(before, rows, tasks), _raw(after, rows, tasks), "the model")
    compared = _same_file(run, outcome, before, after)
    return {
        "tasks": list(tasks),
        "samples": count,
        "torch": "bit for bit",
        "file": "bit for bit" if compared else "not compared: the exporter runs no file",
    }


def _same_file(run: Run, outcome: Outcome, before: ExportSubject, after: ExportSubject) -> bool:
    """Compare both runs' files, if the exporter runs its files; return whether it does."""
    new, exporter = outcome.export.files[0], outcome.composition.exporter
    second = exporter.predictor(new)
    if second is None:
        return False
    with TemporaryDirectory() as folder:
        first = exporter.predictor(file_alike(run, outcome, Path(folder)))
        if first is None:
            return False
        known = first(before.samples)
        _refuse_other({task: known[task] for task in before.targets}, second(after.samples), str(new))
    return True


def changed(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Return each old task's metrics on the test split before and after, `{task: {metric: [old, new]}}`."""
    splits = outcome.splits
    with run.composition.at_work("in evaluation"):
        run.composition.model.to(splits.test.device)
        before = evaluate(run.composition, splits.test, "test").metrics
    after = outcome.metrics["test"]
    return {
        "test": {
            task: {name: [value, after[task].get(name)] for name, value in metrics.items()}
            for task, metrics in before.items()
        },
    }


def _raw(subject: ExportSubject, rows: slice, tasks: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    given = {name: torch.from_numpy(values[rows]) for name, values in subject.samples.items()}
    image = given.pop("image").float() / 255.0
    with torch.no_grad():
        raw = subject.model(image, given, tasks)
    return {task: raw[task].numpy() for task in tasks}


def _refuse_other(
    before: Mapping[str, np.ndarray[Any, Any]], after: Mapping[str, np.ndarray[Any, Any]], what: str
) -> None:
    for task, known in before.items():
        if known.tobytes() != after[task].tobytes():
            gap = float(np.abs(known - after[task]).max())
            raise VerificationError(
                f"{what} answers task {task!r} otherwise than before: the largest difference is {gap:.2g}",
                hint="this should not be, and the run is not to be used: please report it",
            )
