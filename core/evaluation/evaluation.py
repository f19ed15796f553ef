"""Judges a model on a split: losses and metrics per task, beside what a constant answer would reach.

Views are seeded per sample, so nothing depends on batch size or order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, nan, prod
from typing import Any

import torch
from torch import Tensor, nn

from ..base.allocation import give_back_freed_memory
from ..base.device import in_use, is_out_of_memory
from ..base.errors import UsageError, VerificationError
from ..base.ranks import ALONE, Ranks
from ..composition.composition import Composition
from ..composition.losses import masked_loss
from ..composition.views import Seen, plan_views, target_of
from ..contracts import Form
from ..contracts.randomness import SampleRandom, derive_seed
from ..contracts.tensor_form import expect_plain
from ..data.samples import Samples, Splits

BATCH_SIZE = 500
"""Samples per forward pass; results do not depend on it."""

_LARGE = 4 << 20
"""Bytes of a batch from which on it is looked whether what it leaves free fills the memory."""

_KEPT = 256 << 20
"""Bytes that may be free and not given back."""

Table = list[list[float | None]]

LARGE = 8192
"""Samples per forward pass on a device with thousands of cores, if they fit."""

MOST_NUMBERS = 2**25
"""Numbers that all answers of a forward pass may hold: of large pictures and maps fewer samples fit."""

BYTES = {"cpu": 16 << 20, "cuda": 1 << 30}
"""Most bytes of the images of a forward pass, as float32: a layer's answers are some times as large."""


@dataclass
class Fitting:
    """How many samples of a forward pass fit into memory, as far as that was found out."""

    most: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """Scalar metrics by task, and tables (confusion matrices, scores of each attribute) by task.

    `not_finite` are the tasks whose loss or predictions are not finite, with how many samples' predictions:
    their metrics are NaN, whatever a metric makes of such answers.
    """

    metrics: dict[str, dict[str, float]]
    tables: dict[str, dict[str, Table]]
    not_finite: dict[str, int]

    def refuse_not_finite(self, split: str) -> None:
        """Raise `VerificationError`, naming the task, when anything was not finite."""
        for task, count in self.not_finite.items():
            what = f"the answers for {count} samples" if count else "the loss"
            raise VerificationError(
                f"task {task!r} is not finite on the {split} split: {what}",
                hint="the weights hold or give numbers that are not finite: train again with a lower "
                "train.learning_rate",
            )


def views_of(
    composition: Composition, samples: Samples, split: str, batch_size: int | None = None
) -> Iterator[tuple[tuple[str, ...], Seen]]:
    """Yield every batch of a split as each view sees it, with the tasks of that view.

    Without a `batch_size` it is as large as answers allow; of large images there are fewer in any case.
    The noise of a sample depends on the split and the sample's place in it alone, not on the seed or on a
    task's name: every model is judged on the same images.
    """
    tasks = {name: composed.task for name, composed in composition.tasks.items()}
    views = plan_views(tasks, composition.recipe.views)
    most = max(1, BYTES[samples.device.type] // (4 * max(1, prod(samples.shape))))
    for indices in samples.slices(min(batch_size or fitting_size(composition), most)):
        random = SampleRandom(indices.to(samples.device), seed=derive_seed(0, "evaluation", split))
        batch = samples.batch(indices)
        for view in views:
            yield view.tasks, view.show(batch, tasks, random)
        # Metrics that keep the answers make holes between large batches.
        if batch.image.nbytes > _LARGE:
            give_back_freed_memory(_KEPT)


def fitting_size(composition: Composition, usual: int = BATCH_SIZE) -> int:
    """Return the usual number of samples per forward pass, or fewer where their answers are large."""
    numbers = sum(prod(target.output_shape) for target in composition.targets.values())
    return max(1, min(usual, MOST_NUMBERS // numbers))


def evaluate(
    composition: Composition,
    samples: Samples,
    split: str,
    batch_size: int | None = None,
    fitting: Fitting | None = None,
    ranks: Ranks = ALONE,
) -> Evaluation:
    """Return losses and metrics of the model on a split; the model is left in its mode.

    Of several `ranks` each answers its rows of every batch; all get what the leading one makes of them.

    Without a `batch_size` it is as large as suits the device (a sample counts as often as it passes
    through the model), and halved until it fits; `fitting` remembers that from one evaluation to the next.
    Raises `UsageError` when no sample of the split has a task's label.
    """
    model = composition.model

    def answer(tasks: tuple[str, ...], seen: Seen) -> dict[str, Tensor]:
        if ranks.alone:
            raw: dict[str, Tensor] = model(seen.image, seen.inputs, tasks, prepared=True)
            return raw
        rows = ranks.rows(len(seen.image))
        inputs = {name: value[rows.place] for name, value in seen.inputs.items()}
        own = model(seen.image[rows.place], inputs, tasks, prepared=True)
        return {name: ranks.gathered(rows, own[name]) for name in tasks}

    training = model.training
    model.eval()
    usual = LARGE if samples.device.type == "cuda" else BATCH_SIZE
    size = batch_size or max(1, fitting_size(composition, usual) // model.passes)
    fitting = fitting or Fitting()
    size = min(size, fitting.most or size)
    try:
        while True:
            try:
                with in_use(samples.device):
                    return ranks.told(_evaluate(composition, samples, split, size, answer))
            except (RuntimeError, MemoryError) as error:
                # Of several ranks, another may have had memory enough, and would wait for this one.
                if not is_out_of_memory(error) or size == 1 or not ranks.alone:
                    raise
            size = fitting.most = size // 2
    finally:
        model.train(training)


def _evaluate(
    composition: Composition,
    samples: Samples,
    split: str,
    batch_size: int,
    answer: Callable[[tuple[str, ...], Seen], dict[str, Tensor]],
) -> Evaluation:
    metrics = _fresh_metrics(composition, samples.device)
    totals = {name: torch.zeros(3, device=samples.device) for name in composition.tasks}
    with torch.inference_mode():
        for tasks, seen in views_of(composition, samples, split, batch_size):
            raw = answer(tasks, seen)
            for name in tasks:
                composed = composition.tasks[name]
                target = target_of(composed.task, seen)
                loss, count = masked_loss(composed.loss, raw[name], target)
                expect_plain(composed.loss, "what it gives is", loss)
                expect_plain(composition.model.head(name), "its answer is", raw[name])
                guess = composed.target.predict(raw[name])
                totals[name] += torch.stack((loss * count, count, _not_finite(guess)))
                _update(metrics[name], guess, target, composed.target)
        return _collect(metrics, totals, split)


def refuse_without_targets(composition: Composition, splits: Splits) -> None:
    """Raise `UsageError` when a task makes no target of any label in a split, before anything is trained.

    A split is looked at no further than to the first target of each task, whether it names its labels or not.
    """
    for split in ("train", "validation", "test"):
        waiting = set(composition.tasks)
        for tasks, seen in views_of(composition, splits.named(split), split):
            for name in waiting & set(tasks):
                composed = composition.tasks[name]
                if len(present_targets(composed.target, target_of(composed.task, seen))):
                    waiting.remove(name)
            if not waiting:
                break
        for name in sorted(waiting):
            columns = (
                " of " + ", ".join(map(repr, needs)) if (needs := composition.tasks[name].task.needs) else ""
            )
            raise UsageError(
                f"task {name!r} makes no target{columns} in the {split} split: none of its labels counts",
                hint="leave the task out, change its options, or give some samples a label that counts",
            )


def baseline(
    composition: Composition, train: Samples, samples: Samples, split: str
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return the metrics of a constant answer that looks at nothing, and what that answer is, per task.

    It is the mean of the training targets as their form takes it (shares of classes, means of values and
    pixels); of images it is the model's own input where that is corrupted, which is doing nothing.
    """
    answers = _constant_answers(composition, train)

    def answer(tasks: tuple[str, ...], seen: Seen) -> dict[str, Tensor]:
        count = len(seen.image)
        found = {}
        for name in tasks:
            constant = answers[name].value
            found[name] = seen.image if constant is None else constant.expand(count, *constant.shape)
        return found

    values = score(composition, samples, split, answer)
    return values, {name: answer.description for name, answer in answers.items()}


def score(
    composition: Composition,
    samples: Samples,
    split: str,
    answer: Callable[[tuple[str, ...], Seen], Mapping[str, Tensor]],
) -> dict[str, dict[str, float]]:
    """Return the scalar metrics of anybody's predictions on a split, `{task: {metric: value}}`.

    `answer` gets the tasks of a view and what it shows, and returns predictions (probabilities, values,
    images in 0..1) for all of these tasks or some. Metrics of predictions that are not finite are NaN.
    """
    metrics = _fresh_metrics(composition, samples.device)
    broken: dict[str, Tensor] = {}
    with torch.inference_mode():
        for tasks, seen in views_of(composition, samples, split):
            for name, guess in answer(tasks, seen).items():
                composed = composition.tasks[name]
                _update(metrics[name], guess, target_of(composed.task, seen), composed.target)
                broken[name] = broken.get(name, 0) + _not_finite(guess)
        return {task: _scalars(metrics[task], bool(broken[task])) for task in metrics if task in broken}


@dataclass(frozen=True)
class _Constant:
    value: Tensor | None
    description: str


def _constant_answers(composition: Composition, train: Samples) -> dict[str, _Constant]:
    """Return the constant prediction per task, from one pass over the training split."""
    tasks = {name: composed.task for name, composed in composition.tasks.items()}
    views = plan_views(tasks, composition.recipe.views)
    corrupted = {name for view in views if view.corrupts(tasks) for name in view.tasks}
    sums: dict[str, Tensor] = {}
    counts = {name: torch.zeros((), device=train.device) for name in tasks}
    with torch.inference_mode():
        for names, seen in views_of(composition, train, "train"):
            for name in names:
                spec = composition.tasks[name].target
                added, count = spec.tally(present_targets(spec, target_of(tasks[name], seen)))
                sums[name] = sums[name] + added if name in sums else added
                counts[name] = counts[name] + count
    return {
        name: _constant(composition, name, _quotient(sums[name], counts[name]), name in corrupted)
        for name in tasks
    }


def _quotient(total: Tensor, count: Tensor) -> Tensor:
    """Return a mean; 0 where there is nothing to take it of."""
    return torch.where(count > 0, total / count.where(count > 0, 1.0), 0.0)


def _constant(composition: Composition, name: str, mean: Tensor, corrupted: bool) -> _Constant:
    spec = composition.tasks[name].target
    if spec.is_image and corrupted:
        return _Constant(None, "the input, unchanged")
    return _Constant(mean, spec.constant(mean))


def _fresh_metrics(composition: Composition, device: torch.device) -> dict[str, dict[str, Any]]:
    fresh: dict[str, dict[str, Any]] = {}
    for name, composed in composition.tasks.items():
        fresh[name] = {}
        for metric_name, metric in composed.metrics.items():
            metric.to(device).reset()
            fresh[name][metric_name] = metric
    return fresh


def present_targets(form: Form, target: Tensor) -> Tensor:
    """Return the targets of the samples that have one."""
    there = form.present(target)
    return target if there is None else target[there]


def _update(metrics: Mapping[str, Any], prediction: Tensor, target: Tensor, form: Form) -> None:
    there = form.present(target)
    if there is not None:
        prediction, target = prediction[there], target[there]
        if len(target) == 0:
            return
    for metric in metrics.values():
        metric.update(prediction, target)


def _collect(
    metrics: Mapping[str, Mapping[str, Any]], totals: Mapping[str, Tensor], split: str
) -> Evaluation:
    values: dict[str, dict[str, float]] = {}
    tables: dict[str, dict[str, Table]] = {}
    not_finite: dict[str, int] = {}
    for task, kept in metrics.items():
        total, count, broken = totals[task].tolist()
        if count == 0:
            raise UsageError(
                f"task {task!r} saw no label in the {split} split",
                hint="leave the task out, or give at least some samples its label",
            )
        if broken or not isfinite(total):
            not_finite[task] = int(broken)
        values[task] = {"loss": total / count, **_scalars(kept, bool(broken))}
        found = {name: _rows(metric.compute()) for name, metric in kept.items() if not metric.scalar}
        if found:
            tables[task] = found
    return Evaluation(values, tables, not_finite)


def _scalars(metrics: Mapping[str, Any], broken: bool) -> dict[str, float]:
    """Return the values of a task's scalar metrics; NaN where it gave predictions that are not finite."""
    scalar = {name: metric for name, metric in metrics.items() if metric.scalar}
    return {name: nan if broken else float(metric.compute()) for name, metric in scalar.items()}


def _rows(table: Tensor) -> Table:
    """Return a table's numbers; None where there is nothing to say."""
    return [[value if isfinite(value) else None for value in row] for row in table.tolist()]


def _not_finite(prediction: Tensor) -> Tensor:
    """Return for how many samples a prediction is not finite, a scalar."""
    return (~prediction.isfinite()).reshape(len(prediction), -1).any(dim=1).sum()


def module_device(module: nn.Module) -> torch.device:
    """Return the device of a module's parameters."""
    return next(module.parameters()).device
