"""The whole job: resolve, load, train, evaluate, export, verify, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..base.allocation import give_back_freed_memory
from ..base.device import device_name, is_out_of_memory
from ..base.errors import UsageError
from ..base.files import write_json
from ..base.progress import Progress
from ..base.ranks import ALONE, Ranks, leave_ranks
from ..composition.composition import Composition
from ..composition.rehearsal import rehearse_late_metrics, rehearse_views
from ..composition.telling import tell_of_data
from ..contracts import ExportReport
from ..data.samples import Splits, channel_statistics, refuse_unlabelled
from ..discovery.registry import Registry
from ..evaluation.answer_pictures import answer_pictures
from ..evaluation.evaluation import refuse_without_targets
from ..evaluation.fitting import fit
from ..evaluation.learned import write_learned
from ..evaluation.shortfalls import shortfalls
from ..evaluation.snapshots import is_kept, keep_snapshot
from ..folders.kept_plugins import keep_plugins
from ..folders.run_folder import METRICS, RunFolder
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import RecipeSource
from ..recipe.unusual import unusual
from ..report import write_report
from ..training.memory import exhausted
from ..training.requirements import refuse_impossible, refuse_unshared
from ..training.trainer import EpochResult, Trainer
from ..training.trial import refuse_lone_samples
from ..training.within_epoch import refuse_without_shards
from .exporting import export
from .foreseeing import refuse_unfit
from .history import time_of
from .loading import agree, brought_to, load_of, placed, tell_of_changes
from .longer import lengthened, refuse_one_of_several
from .measuring import metrics_of, metrics_of_own_epochs
from .recomposing import compose_again
from .starting import START, Taken, compose_started
from .tracking import NamedTracker, Tracking, build_trackers, track

Row = Mapping[str, float]
"""A line of a run's history: the numbers of an epoch by name."""


@dataclass(frozen=True)
class Outcome:
    """A finished run: its folder, the trained composition, its metrics, and the verified export.

    A run that publishes nothing has an export without files.
    """

    folder: RunFolder
    composition: Composition
    splits: Splits
    metrics: Mapping[str, Any]
    export: ExportReport


@dataclass(frozen=True)
class Prepared:
    """A run that has no folder yet: its parts, known to fit together."""

    composition: Composition
    splits: Splits
    trackers: Sequence[NamedTracker] = ()
    taken: Taken | None = None


@dataclass(frozen=True)
class Started:
    """A run that is ready to train: folder, parts, rows of the epochs done, and in words where it goes on."""

    folder: RunFolder
    composition: Composition
    splits: Splits
    trainer: Trainer
    history: list[Mapping[str, float]]
    tracking: Tracking = field(default_factory=Tracking)
    place: str = "before its first epoch"


@dataclass
class Pipeline:
    """Runs one recipe; `run` starts anew, `resume` continues after the last checkpoint.

    Without `publishes` a run ends with its metrics: no export, no report. Of several `ranks` this is the one
    that leads; the others are `Follower`s.
    """

    registry: Registry
    device: torch.device
    progress: Progress = field(default_factory=Progress)
    publishes: bool = True
    ranks: Ranks = ALONE

    def run(
        self,
        recipe: Recipe,
        path: Path,
        *,
        source: RecipeSource | None = None,
        force: bool = False,
        numbered: bool = False,
        notes: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Do the whole job and return its outcome; nothing is written before all inputs are known good.

        `force` and `numbered` are those of `RunFolder.create`; `notes` are JSON files, by name, that the
        folder has from its beginning.
        """
        started = self.start(recipe, path, source=source, force=force, numbered=numbered, notes=notes)
        with started.folder:
            return self._finish_whole(started)

    def resume(self, folder: RunFolder, recipe: Recipe, epochs: int | None = None) -> Outcome:
        """Continue an interrupted run after its last intact checkpoint, as if it had never stopped.

        With `epochs` it gets so many, more than it was begun with.
        """
        if epochs is not None:
            refuse_one_of_several(folder)
        with folder.enter(self.progress.warning):
            self.progress.placed(folder.path)
            with ExitStack() as ready:
                if epochs is not None:
                    told = (self.progress.warning, self.progress.note)
                    recipe = ready.enter_context(lengthened(folder, recipe, epochs, self.registry, *told))
                self.ranks.told(None)
                started = self.restart(folder, recipe)
            self.progress.note(f"goes on {started.place}")
            return self._finish_whole(started)

    def _finish_whole(self, started: Started) -> Outcome:
        trained = self.train(started)
        leave_ranks(self.ranks)
        outcome = self.finish(trained)
        started.folder.complete()
        return outcome

    def start(
        self,
        recipe: Recipe,
        path: Path,
        *,
        source: RecipeSource | None = None,
        force: bool = False,
        numbered: bool = False,
        notes: Mapping[str, Any] | None = None,
    ) -> Started:
        """Make a new run's parts and its folder, in which nobody else works until it is left."""
        if not numbered:
            RunFolder.refuse_existing(path, force=force)
        prepared = self.prepare(recipe, source)
        with ExitStack() as on_error:
            folder = RunFolder.create(path, self.progress.warning, force=force, numbered=numbered)
            on_error.enter_context(folder)
            self.progress.placed(folder.path)
            for name, value in (notes or {}).items():
                write_json(folder.path / name, value)
            started = self.begin(prepared, folder)
            on_error.pop_all()
        return started

    def prepare(
        self, recipe: Recipe, source: RecipeSource | None = None, shared: Splits | None = None
    ) -> Prepared:
        """Compose and load, writing nothing; `shared` is the data of another seed of the recipe."""
        warn = self.progress.warning
        composition, taken = compose_started(recipe, self.registry, warn, source)
        refuse_unfit(composition, self.device, self.ranks, publishes=self.publishes)
        with composition.at_work("while the run was prepared"):
            prepared = self._prepare(composition, source, shared)
        for line in taken.lines() if taken else ():
            self.progress.note(line)
        return replace(prepared, taken=taken)

    def _prepare(
        self, composition: Composition, source: RecipeSource | None, shared: Splits | None
    ) -> Prepared:
        trackers = build_trackers(composition.recipe, self.registry, source)
        self.progress.planned(composition.plan())
        splits = self._splits(composition, shared)
        with composition.at_work("in a step of training that was tried"):
            refuse_lone_samples(composition, splits.train, self.device)
        refuse_without_shards(composition, splits.train)
        composition = placed(composition, splits)
        agree(self.ranks, self.registry, composition, splits)
        return Prepared(composition, splits, trackers)

    def begin(self, prepared: Prepared, folder: RunFolder) -> Started:
        """Begin a run in a new folder."""
        composition, splits = prepared.composition, prepared.splits
        folder.write_recipe(composition.recipe.to_plain())
        self._write_environment(folder, composition)
        if prepared.taken is not None:
            write_json(folder.path / START, prepared.taken.to_json())
        keep_plugins(folder.path, self.registry.providers, self.progress.warning)
        self._notify("mtl_run_started", run=folder.path, recipe=composition.recipe.to_plain())
        trainer = self.trainer(composition, splits)
        tracking = track(prepared.trackers, self.progress, folder, composition)
        return Started(folder, composition, splits, trainer, [], tracking)

    def restart(self, folder: RunFolder, recipe: Recipe, shared: Splits | None = None) -> Started:
        """Return an interrupted run as it was after its last intact checkpoint."""
        checkpoint = folder.checkpoints.newest(self.progress.warning)
        if checkpoint.epoch >= recipe.train.epochs and (folder.path / METRICS).is_file():
            self.progress.warning(
                f"all {checkpoint.epoch} epochs were done; the run is evaluated and exported again"
            )
        composition = compose_again(folder, recipe, self.registry, checkpoint.state)
        refuse_impossible(composition, self.device)
        refuse_unshared(composition, self.ranks)
        trackers = build_trackers(composition.recipe, self.registry) if self.ranks.leads else ()
        with composition.at_work("while the run was prepared"):
            self.progress.planned(composition.plan())
            splits = self._splits(composition, shared)
            tell_of_changes(splits, checkpoint.state, folder.path, self.progress.warning)
            trainer = self.trainer(composition, splits)
        if not trainer.takes(checkpoint):
            self.progress.warning(
                f"epoch {checkpoint.epoch + 1} was begun on another kind of device: it is done again"
            )
            checkpoint = folder.checkpoints.latest(self.progress.warning)
        with composition.at_work("while its checkpoint was restored"):
            trainer.restore(checkpoint)
        agree(self.ranks, self.registry, composition, splits, checkpoint=checkpoint.place)
        if self.ranks.leads:
            self._mend(folder, composition)
        history: list[Mapping[str, float]] = list(folder.history_of(checkpoint, self.progress.warning))
        tracking = track(trackers, self.progress, folder, composition, history)
        place = checkpoint.place_among(composition.recipe.train.epochs, trainer.steps)
        return Started(folder, composition, splits, trainer, history, tracking, place)

    def _mend(self, folder: RunFolder, composition: Composition) -> None:
        """Write again what was damaged and is not needed to go on."""
        try:
            folder.read_environment()
        except UsageError as error:
            self.progress.warning(f"{error.message}: it is written again, as it is now")
            self._write_environment(folder, composition)

    def _write_environment(self, folder: RunFolder, composition: Composition) -> None:
        seed, origins = composition.recipe.seed, composition.origins
        folder.write_environment(self.registry.providers, self.device, seed, origins, self.ranks.world)

    def trainer(self, composition: Composition, splits: Splits) -> Trainer:
        """Return what trains a composition on this pipeline's device."""
        with composition.at_work("while its training was prepared"):
            return Trainer(composition, splits, self.device, self.progress.step, ranks=self.ranks)

    def train(self, started: Started, enough: Callable[[Row], bool] = lambda row: False) -> Started:
        """Train the epochs that are missing, keeping every one; return the same run with its history.

        It ends before its time after an epoch whose row is `enough`.
        """
        at_work = started.composition.at_work(
            lambda: f"while it trained, {time_of(started.history, started.composition.recipe.train.epochs)}"
        )
        with started.tracking.ends_with_failure(), at_work:
            return self._train(started, enough)

    def _train(self, started: Started, enough: Callable[[Row], bool]) -> Started:
        counts = {name: len(started.splits.named(name)) for name in ("train", "validation", "test")}
        devices = device_name(self.device) + ("" if self.ranks.alone else f", {self.ranks.world} processes")
        self.progress.started(started.composition.recipe.train.epochs, devices, counts)
        folder, history = started.folder, started.history
        started.trainer.on_kept = folder.checkpoints.save_within
        told: str | None = None
        started.trainer.tell = self.progress.warning
        for result in self._epochs(started):
            history.append(result.row)
            folder.check()
            # Before the checkpoint: a resume drops what is beyond it, but could not make up what is missing.
            folder.write_history(history)
            keep_snapshot(folder.path, started.composition, started.splits.validation, result.epoch)
            kept = started.composition.model.state_dict() if result.best or result.best_of else None
            folder.checkpoints.save(result.checkpoint, kept, best=result.best, best_of=result.best_of)
            self.progress.epoch(result.epoch, result.row, result.best)
            self._track(started, result)
            if (reason := started.trainer.eager_reason) and reason != told:
                self.progress.warning(f"steps run one by one, not as a graph: {reason}")
                told = reason
            self._notify("mtl_epoch_ended", run=folder.path, epoch=result.epoch, row=dict(result.row))
            if enough(result.row):
                break
        return started

    def _track(self, started: Started, result: EpochResult) -> None:
        def pictures() -> Mapping[str, Any]:
            return answer_pictures(started.composition, started.splits.validation)

        started.tracking.epoch(result.row, pictures if is_kept(result.epoch) else None)

    def _epochs(self, started: Started) -> Iterator[EpochResult]:
        """Train; when memory runs out, say which batch size would fit."""
        try:
            yield from started.trainer.epochs()
            return
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        where, splits = started.folder.path, started.splits
        kept = f"; epochs before this one are kept: mtl resume {where}" if started.history else ""
        raise exhausted(started.composition, splits.train, self.device, kept)

    def finish(self, started: Started) -> Outcome:
        """Judge the chosen epoch, export and report."""
        with started.tracking.ends_with_failure(), started.composition.at_work("after it was trained"):
            outcome = self._finish(started)
        started.tracking.end("finished")
        return outcome

    def _finish(self, started: Started) -> Outcome:
        folder, composition, splits = started.folder, started.composition, started.splits
        self.progress.stage("evaluate")
        give_back_freed_memory()
        # Judged and exported in torch's usual memory format, as a model loaded from the folder will be.
        composition.model.to(memory_format=torch.contiguous_format)
        with composition.at_work("in evaluation"):
            own = metrics_of_own_epochs(folder, composition, splits)
        epoch, weights = folder.checkpoints.best()
        composition.model.load_state_dict(weights)
        with composition.at_work("in evaluation"):
            metrics = metrics_of(composition, splits) | own
        metrics["training"] = {
            "epochs": int(started.history[-1]["epoch"]),
            "chosen_epoch": epoch,
            "seconds": sum(row["seconds"] for row in started.history),
        }
        if self.publishes:
            metrics["below_baseline"] = shortfalls(composition, splits, metrics, started.history)
        folder.check()
        for text in folder.tidy():
            self.progress.warning(text)
        folder.write_history(started.history)
        folder.write_metrics(metrics)
        started.tracking.measured(metrics)
        with composition.at_work("when it told what it has learned"):
            write_learned(folder.path, composition, splits.validation)
        exported = self._publish(started, metrics) if self.publishes else ExportReport((), {})
        self._notify("mtl_run_finished", run=folder.path, metrics=metrics)
        return Outcome(folder, composition, splits, metrics, exported)

    def _publish(self, started: Started, metrics: Mapping[str, Any]) -> ExportReport:
        folder, composition, splits = started.folder, started.composition, started.splits
        self.progress.stage("export")
        give_back_freed_memory()
        path = folder.path / composition.exporter.file_name
        folder.tell_of_another(path, self.progress.warning)
        with composition.at_work("in the export"):
            exported = export(composition, splits.validation, metrics, path, splits=splits)
        folder.keep_sum(path)
        self.progress.stage("report")
        give_back_freed_memory()
        with composition.at_work("in the report"):
            told = unusual(composition.recipe, self.registry)
            write_report(folder, composition, splits, started.history, metrics, exported.verification, told)
        started.tracking.published((folder.path / "report.html", *exported.files))
        self._notify("mtl_exported", run=folder.path, files=exported.files)
        return exported

    def _splits(self, composition: Composition, shared: Splits | None) -> Splits:
        training = composition.recipe.train
        with composition.at_work("while it loaded the data"):
            splits = shared or load_of(composition)
            if not shared:
                tell_of_data(composition, splits, self.progress)
        needs = {name: item.task.needs for name, item in composition.tasks.items()}
        refuse_unlabelled(splits, needs, composition.dataset_spec)
        rehearse_late_metrics(composition)
        rehearse_views(composition, splits.train)
        with composition.at_work("while targets were looked for"):
            refuse_without_targets(composition, splits)
        if composition.recipe.normalization == "train":
            composition.model.normalization.set(*channel_statistics(splits.train))
        with composition.at_work("while it was fitted to the training split"):
            fit(composition, splits.train)
        size = training.batch_size
        if size > len(splits.train):
            self.progress.warning(
                f"train.batch_size is {size}, the training split has {len(splits.train)} samples: "
                "every epoch is one step"
            )
        return splits if shared else brought_to(splits, self.device, self.progress.warning)

    def _notify(self, hook: str, **arguments: Any) -> None:
        """Tell the plugins; one that fails is named and stops nothing."""
        for failure in self.registry.notify(hook, **arguments):
            self.progress.warning(failure)
