"""A finished run, from Python: its metrics, its model, its exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ..base.errors import UsageError
from ..base.notebook import box, shown, table
from ..base.progress import Progress
from ..composition.composition import Composition
from ..composition.model import MultitaskModel
from ..contracts import ExportReport
from ..data.samples import Splits
from ..discovery.registry import Registry
from ..evaluation.evaluation import evaluate
from ..evaluation.fitting import fit_losses
from ..folders.run_folder import RunFolder, entered_around, open_run
from .answering import Answers, answer
from .exporting import build_exporter, check_runtimes, export, export_subject, exporter_of
from .history import Figure, History
from .loading import load_of, tell_of_changes
from .pipeline import Outcome
from .pruning_loss import quality, read_pruning, refuse_loss
from .recomposing import trained


class Run:
    """A run folder with its trained model, rebuilt from the recipe and the chosen weights when asked for."""

    def __init__(
        self,
        folder: RunFolder,
        registry: Registry,
        device: torch.device | str = "cpu",
        outcome: Outcome | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.folder = folder
        self._registry = registry
        self._device = torch.device(device)
        self._outcome = outcome
        self._progress = progress or Progress()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`: `{"test": {task: {metric: value}}, "validation": ..., ...}`."""
        return self.folder.read_metrics()

    @cached_property
    def composition(self) -> Composition:
        """The resolved recipe with the trained model.

        Raises `UsageError`, saying what differs, when `recipe.yaml` is not what the run was trained with.
        """
        if self._outcome is not None:
            return self._outcome.composition
        composition = trained(self.folder, self._registry, self._progress.warning)
        composition.model.to(self._device).eval()
        for composed in composition.tasks.values():
            composed.loss.to(self._device)
        return composition

    @property
    def model(self) -> MultitaskModel:
        """The trained model, an `nn.Module` in evaluation mode.

        `model(image)` maps float32 `[B, C, H, W]` in 0..1 (and a dict of extra inputs, int64 `[B]`) to raw
        outputs by task; `model.predict(image)` to probabilities, values and images.
        """
        return self.composition.model.eval()

    @cached_property
    def splits(self) -> Splits:
        """The data of the run, loaded again."""
        if self._outcome is not None:
            return self._outcome.splits
        composition = self.composition
        with composition.at_work("while it loaded the data"):
            splits = load_of(composition).to(self._device)
        state = self.folder.checkpoints.state() or {}
        tell_of_changes(splits, state, self.path, self._progress.warning)
        with composition.at_work("while it was fitted to the training split"):
            fit_losses(composition, splits.train)
        return splits

    @cached_property
    def history(self) -> History:
        """The columns of `history.csv` by name, a list with a value per epoch each; or `to_pandas()`."""
        return History.of(self.folder.read_history())

    def figure(self, *columns: str) -> Figure:
        """Return a chart of columns of the history over the epochs, which a notebook shows.

        Names may be patterns: `run.figure("validation/*/accuracy")`; without any, the losses.
        """
        return self.history.figure(columns or ("*/loss",))

    def predict(
        self, images: Any, *, inputs: Mapping[str, Any] | None = None, resize: bool = False
    ) -> Answers:
        """Return the answers to pictures: `answers[task]` is an array, `answers.texts(task)` has the words.

        `images` are uint8, or floats in 0..1, `[B, C, H, W]` or one picture `[C, H, W]`, as an array or a
        tensor; or paths of picture files or Pillow's images, one or many, prepared as the training's files
        were. `resize` brings those to size that no preparation does. `inputs` are what the model reads beside
        pictures, by name. Raises `UsageError` for what it cannot read.
        """
        return answer(self.composition, images, inputs, resize=resize)

    def _repr_html_(self) -> str:
        metrics = self.metrics
        rows = [
            [task, name, shown(value), shown(metrics["baseline"].get(task, {}).get(name))]
            for task, values in metrics["test"].items()
            for name, value in values.items()
        ]
        scores = table(["task", "metric", "test", "baseline"], rows, numeric=(2, 3))
        said = f"chosen epoch {metrics['training']['chosen_epoch']} of {metrics['training']['epochs']}"
        return box(f"Run {self.path}", f"{said}; the report: {self.path / 'report.html'}", scores)

    def evaluate(self, split: str = "test") -> dict[str, dict[str, float]]:
        """Return `{task: {metric: value}}` of the model on `"train"`, `"validation"` or `"test"`.

        Raises `VerificationError` when a loss or an answer is not finite.
        """
        samples = self.splits.named(split)
        with self.composition.at_work("in evaluation"):
            found = evaluate(self.composition, samples, split)
        found.refuse_not_finite(split)
        return found.metrics

    def export(
        self,
        path: str | Path | None = None,
        *,
        exporter: str | None = None,
        tasks: Sequence[str] | None = None,
        **options: Any,
    ) -> ExportReport:
        """Export the model, verified, to `path` (None: into the run folder) and return the files.

        `tasks` exports some of the tasks only, with what these depend on. Options are those of the exporter
        (`mtl show exporter NAME`). Raises `VerificationError`, and publishes nothing, when the export does
        not compute the same numbers or loses more quality than allowed, or the model did so by pruning, and
        `UsageError` when somebody else is at work in the run that it is written into.
        """
        chosen = self.composition.recipe.export
        name = exporter or chosen.name
        given: Mapping[str, Any] = {**chosen.options, **options} if name == chosen.name else options
        built = build_exporter(self._registry, name, given, self.composition.owners)
        target = Path(path) if path is not None else self.path / built.file_name
        if built.suffix and target.suffix != built.suffix:
            raise UsageError(
                f"{target} must end in {built.suffix}", hint=f"write {target.stem}{built.suffix}"
            )
        if (pruned := read_pruning(self.path)) is not None:
            refuse_loss(self.path, quality(pruned, self.metrics, self.composition))
        with entered_around(target, self._progress.warning):
            splits, metrics = self.splits, self.metrics
            with self.composition.at_work("in the export"):
                report = export(
                    self.composition, splits.validation, metrics, target, built, splits=splits, tasks=tasks
                )
        self._registry.notify("mtl_exported", run=self.path, files=report.files)
        return report

    def verify(
        self, path: str | Path | None = None, *, runtimes: Sequence[str] | None = None
    ) -> Mapping[str, Any]:
        """Compare an export with the model; raise `VerificationError` when they differ.

        `runtimes` names where the file is run (None: where its exporter verifies); with names, the report
        holds one report for each.
        """
        preferred = self.composition.exporter
        target = Path(path) if path is not None else self.path / preferred.file_name
        splits, metrics = self.splits, self.metrics
        with self.composition.at_work("in the verification"):
            exporter = exporter_of(self._registry, target, preferred, self.composition.owners)
            subject = export_subject(self.composition, splits.validation, metrics, splits)
            if runtimes is None:
                return exporter.verify(subject, target)
            check_runtimes(exporter, target, runtimes)
            return exporter.verify_in(subject, target, runtimes)


def load_run(
    path: str | Path,
    registry: Registry,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Return a run from its folder; raise `UsageError` when it is none. `progress` is told of warnings."""
    return Run(open_run(Path(path)), registry, device, progress=progress)
