"""The experiments on real data, as their authors did them and at our best: one table, `docs/results.md`.

    python -m benchmarks.experiments --data-dir DIR --seeds 3             # all; days on a CPU, hours on a GPU
    python -m benchmarks.experiments mnist-even-third --data-dir DIR      # one; minutes on a CPU
    python -m benchmarks.experiments mnist-random-sum-best --data-dir DIR # one recipe of one experiment

`DIR` holds `MNIST/raw`, `gsn/data` and `cifar10/{train,test}/CLASS` (or `cifar-10-batches-py`). A seed that
is in `benchmarks/results/experiments/RECIPE.json` is not run again, and an interrupted training continues
after its last epoch. Every exported file is judged on the test split in onnxruntime; the command fails when
its metrics are not those of the trained model.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf, isfinite
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from mtl.core.base.device import choose_device
from mtl.core.base.errors import MtlError
from mtl.core.base.files import write_json, write_text
from mtl.core.base.progress import Progress
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.composition.losses import masked_loss
from mtl.core.data.samples import Samples, load_splits
from mtl.core.discovery.registry import Registry, installed
from mtl.core.evaluation.evaluation import evaluate, views_of
from mtl.core.folders.run_folder import RunFolder
from mtl.core.recipe.recipe import Recipe
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.request import Request
from mtl.core.running.pipeline import Outcome, Pipeline
from mtl.exports.session import open_session, run_options
from mtl.plugins.forms import Regression

from .published import EXPERIMENTS, Experiment
from .results_page import key_of, page, read_results, with_summary

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "experiments"
TOLERANCE = 1e-3
"""By which share of its value a test metric of the exported file may differ from the trained model's."""


@dataclass(frozen=True)
class Job:
    """One recipe to train with one seed."""

    recipe: str
    settings: tuple[str, ...]
    by_epoch: bool

    @property
    def key(self) -> str:
        """The name of the result."""
        return key_of(self.recipe, self.settings)


@dataclass
class Report(Progress):
    """Writes a line per epoch and, when asked, judges the test split after it: to report, not to choose."""

    folder: RunFolder
    composition: Composition | None = None
    test: Samples | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    cpu: float = 0.0
    """Seconds of all cores that the training steps took; the work of others does not add to them."""
    _began: float = 0.0

    def started(self, epochs: int, device: str, samples: Mapping[str, int]) -> None:
        self._began = time.process_time()

    def step(self, done: int, total: int) -> None:
        if done == total:
            self.cpu += time.process_time() - self._began

    def epoch(self, epoch: int, row: Mapping[str, float], best: bool) -> None:
        shown = " ".join(f"{k}={v:.4g}" for k, v in row.items() if k.startswith("validation/"))
        print(f"  epoch {epoch} {row['seconds']:.1f} s {shown}{' best' if best else ''}", file=sys.stderr)
        if self.composition is not None and self.test is not None:
            self._judge(self.composition, self.test, epoch)
        self._began = time.process_time()

    def _judge(self, composition: Composition, test: Samples, epoch: int) -> None:
        tensors = self.folder.checkpoints.latest().tensors
        weights = {k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")}
        composition.model.load_state_dict(weights)
        metrics = evaluate(composition, test, "test").metrics
        kept = [row for row in read_rows(self.folder) if row["epoch"] < epoch]
        self.rows = [*kept, {"epoch": epoch, "test": metrics}]
        write_json(self.folder.path / "test-by-epoch.json", self.rows)


def read_rows(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the test metrics by epoch that a run left."""
    path = folder.path / "test-by-epoch.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else []
    return rows


def jobs_of(experiment: Experiment) -> list[Job]:
    """Return what an experiment trains, each recipe with its settings once."""
    jobs = []
    for variant in experiment.variants:
        for recipe, settings in ((variant.original, variant.settings), (variant.best, ())):
            if recipe is not None:
                jobs.append(Job(recipe, settings, experiment.by_epoch))
    return list(dict.fromkeys(jobs))


def train(
    job: Job, recipe: Recipe, registry: Registry, device: torch.device, path: Path
) -> tuple[Outcome, float | None]:
    """Train from the start, or go on after the last epoch of an interrupted run.

    Return the outcome, and the CPU seconds of the training steps if all of them were taken here.
    """
    folder = RunFolder(path)
    report = Report(folder)
    if job.by_epoch:
        report.composition = compose(recipe, registry)
        report.composition.model.to(device)
        training = recipe.train
        splits = load_splits(
            report.composition.dataset, validation=training.validation, split_seed=training.split_seed
        )
        report.test = splits.test.to(device)
    pipeline = Pipeline(registry, device, report)
    if (path / "checkpoint" / "manifest.json").is_file():
        return pipeline.resume(folder, recipe), None
    return pipeline.run(recipe, path, force=path.exists()), report.cpu


def exported_metrics(outcome: Outcome) -> dict[str, dict[str, float]]:
    """Return the test metrics of the exported file, answered by onnxruntime on the same views."""
    composition = outcome.composition
    session = open_session(outcome.export.files[0].read_bytes(), threads=torch.get_num_threads())
    for composed in composition.tasks.values():
        for metric in composed.metrics.values():
            metric.to("cpu").reset()
    losses: dict[str, list[torch.Tensor]] = {name: [] for name in composition.tasks}
    with torch.inference_mode():
        for tasks, seen in views_of(composition, outcome.splits.test.to("cpu"), "test"):
            feed = {"image": seen.image.numpy(), **{k: v.numpy() for k, v in seen.inputs.items()}}
            answers = session.run(list(tasks), feed, run_options())
            for name, answer in zip(tasks, answers, strict=True):
                composed = composition.tasks[name]
                target = composed.task.target(seen.clean)
                given = torch.from_numpy(answer)
                for metric in composed.metrics.values():
                    metric.update(given, target)
                # Of values the file answers what the loss wants; of classes it answers probabilities.
                if isinstance(composed.target, Regression):
                    loss, count = masked_loss(composed.loss.to("cpu"), given, target)
                    losses[name].append(torch.stack((loss * count, count)))
    found = {
        name: {key: float(metric.compute()) for key, metric in composed.metrics.items() if metric.scalar}
        for name, composed in composition.tasks.items()
    }
    for name, parts in losses.items():
        if parts:
            total, count = torch.stack(parts).sum(dim=0)
            found[name]["loss"] = float(total / count)
    return found


def largest_difference(metrics: Mapping[str, Any], exported: Mapping[str, Any]) -> float:
    """Return by which share of their value the same metrics differ at most; infinite where one is missing.

    Two that are both no number agree. The file has no loss of classes: it answers probabilities.
    """
    return max(
        (
            _apart(metrics.get(task, {}).get(name), exported.get(task, {}).get(name))
            for task in metrics.keys() | exported.keys()
            for name in metrics.get(task, {}).keys() | exported.get(task, {}).keys()
            if name != "loss" or name in exported.get(task, {})
        ),
        default=inf,
    )


def _apart(trained: float | None, exported: float | None) -> float:
    if exported is None:
        return inf
    if trained is None or not isfinite(trained) or not isfinite(exported):
        return 0.0 if (trained is None or not isfinite(trained)) and not isfinite(exported) else inf
    return abs(exported - trained) / max(abs(trained), TOLERANCE)


def run_job(job: Job, seed: int, arguments: argparse.Namespace, registry: Registry) -> bool:
    """Train one recipe with one seed and add it to its result; return whether the export agrees."""
    device = choose_device(arguments.device)
    flags = {"data_dir": str(arguments.data_dir), "seed": seed}
    whole = read(Request(job.recipe, None, flags, job.settings).source(registry), registry)
    recipe = whole
    changes = {"epochs": arguments.epochs, "precision": arguments.precision}
    if any(changes.values()):
        flags |= {name: value for name, value in changes.items() if value}
        kept = [epoch for epoch in whole.train.milestones if epoch <= (arguments.epochs or epoch)]
        settings = (*job.settings, f"train.milestones={kept}")
        recipe = read(Request(job.recipe, None, flags, settings).source(registry), registry)
    file = arguments.results / f"{job.key}.json"
    result = json.loads(file.read_text()) if file.is_file() else {"recipe": job.recipe, "runs": []}
    # A recipe that was changed since makes its old figures worthless.
    experiment = replace(recipe, seed=0).hash()
    runs = [run for run in result["runs"] if run["experiment"] == experiment]
    # Whatever a recipe was when it was trained in full, a training cut short is no better.
    if recipe != whole and any(_as_the_recipe_says(run) for run in result["runs"]):
        raise SystemExit(f"error: {file} holds trainings as the recipe says, which others must not replace")
    for run in runs:
        if run["seed"] == seed:
            return agrees(job, run)
    print(f"{job.key}, seed {seed}", file=sys.stderr)
    folder = arguments.runs / job.key / f"seed-{seed}"
    if (folder / "recipe.yaml").is_file() and not _belongs(folder, recipe, registry):
        raise SystemExit(f"{folder} is a run of another recipe: remove it, or choose another --runs")
    outcome, cpu = train(job, recipe, registry, device, folder)
    exported = exported_metrics(outcome)
    apart = largest_difference(outcome.metrics["test"], exported)
    entry = {
        "seed": seed,
        "experiment": experiment,
        "settings": list(job.settings),
        "epochs": recipe.train.epochs,
        "recipe_epochs": whole.train.epochs,
        "precision": recipe.train.precision,
        "recipe_precision": whole.train.precision,
        "command": f"python -m benchmarks.experiments {' '.join(sys.argv[1:])}",
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(device),
        "versions": {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__},
        "parameters": outcome.composition.parameters()["total"],
        "seconds": outcome.metrics["training"]["seconds"],
        "cpu_seconds": cpu,
        "chosen_epoch": outcome.metrics["training"]["chosen_epoch"],
        **{part: outcome.metrics[part] for part in ("test", "validation", "baseline")},
        "onnx": exported,
        "onnx_difference": apart,
        "test_by_epoch": read_rows(outcome.folder) if job.by_epoch else None,
    }
    result["runs"] = sorted([*runs, entry], key=lambda run: int(run["seed"]))
    write_json(file, result)
    return agrees(job, entry)


def agrees(job: Job, run: Mapping[str, Any]) -> bool:
    """Return whether the exported file of a run reached the same test metrics; say so when it did not."""
    apart = run["onnx_difference"]
    if apart <= TOLERANCE:
        return True
    share = f"{100 * apart:.3g} % of its value"
    print(
        f"error: {job.key}, seed {run['seed']}: in onnxruntime a test metric is off by {share}",
        file=sys.stderr,
    )
    return False


def _as_the_recipe_says(run: Mapping[str, Any]) -> bool:
    return all(run.get(f"recipe_{name}") in (None, run.get(name)) for name in ("epochs", "precision"))


def _belongs(folder: Path, recipe: Recipe, registry: Registry) -> bool:
    found = read(Request(folder).source(registry), registry)
    return compose(recipe, registry).recipe.hash() == found.hash()


def hardware(device: torch.device) -> str:
    """Return the machine in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpu = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.is_file() else ():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return f"{cpu}, {torch.get_num_threads()} of {os.cpu_count()} threads"


def commit() -> str:
    """Return the commit, marked when files of the package are not as committed."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "core", "plugins", "exports")
    return (git("rev-parse", "HEAD") or "unknown") + ("-dirty" if changed else "")


def chosen_jobs(names: list[str]) -> list[Job]:
    """Return the jobs of experiments or recipes by name, all when none is named."""
    everything = {experiment.name: jobs_of(experiment) for experiment in EXPERIMENTS}
    if not names:
        return [job for jobs in everything.values() for job in jobs]
    by_recipe: dict[str, list[Job]] = {}
    for jobs in everything.values():
        for job in jobs:
            by_recipe.setdefault(job.recipe, []).append(job)
    unknown = [name for name in names if name not in everything and name not in by_recipe]
    if unknown:
        known = ", ".join([*everything, *by_recipe])
        raise SystemExit(f"error: no experiment or recipe {unknown[0]!r}; there are: {known}")
    # An experiment has the name of its first recipe: the experiment is meant.
    return list(dict.fromkeys(job for name in names for job in everything.get(name, by_recipe.get(name, []))))


def main() -> int:
    """Run what is asked for, rebuild the page, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments or recipes; none: all")
    parser.add_argument("--data-dir", type=Path, help="folder with the data sets")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--epochs", type=int, help="fewer than the recipe's, which the page then says")
    parser.add_argument("--precision", help="another than the recipe's, which the page then says")
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"), help="folder of the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON files")
    parser.add_argument("--page", action="store_true", help="only rebuild docs/results.md")
    arguments = parser.parse_args()
    agreed = True
    if not arguments.page:
        if arguments.data_dir is None:
            parser.error("--data-dir is missing")
        registry = installed()
        try:
            for job in chosen_jobs(arguments.names):
                for seed in range(arguments.seeds):
                    agreed &= run_job(job, seed, arguments, registry)
        except MtlError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.status
    if arguments.results == RESULTS:
        results = read_results(RESULTS)
        write_text(ROOT / "docs" / "results.md", page(results))
        readme = ROOT / "README.md"
        write_text(readme, with_summary(readme.read_text(), results))
    return 0 if agreed else 4


if __name__ == "__main__":
    sys.exit(main())
