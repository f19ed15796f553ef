"""Two samples through every component before anything is trained: each answers in the form that it states.

Modules are rehearsed alone as they are built, in evaluation and, a copy of each, in training; metrics that
start late, before the training; what looks at data, on the first two samples of the training split. Lazy
layers are made here, from the seed of the component they belong to.
Nothing that training draws or remembers is touched.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..base.collection import uncollected
from ..base.errors import ComponentError
from ..contracts import Encoder, Form, Head, HeadSpec, Loss, Metric, Sharing, Task
from ..contracts.batch import Batch, Features
from ..contracts.inputs import ModelInput, Vectors, numbers_among, vectors_among
from ..contracts.randomness import StepRandom, generator, seeded_generators
from ..contracts.specs import FeatureSpec, ImageSpec
from ..contracts.tensor_form import REAL, WHOLE, form_of_target, kind_of, require_number, require_tensor
from ..data.samples import Samples
from ..discovery.declared import ask
from ..discovery.responsibility import Owners
from .composition import Composition
from .state import buffers_of, form_of, refuse_moved, refuse_other_form, refuse_trained

COUNT = 2
Entry = ImageSpec | Vectors
"""What the first stage of an encoder sees."""


def require_target_spec(label: str, task: Task) -> None:
    """Raise `ComponentError` unless a task says what form its answer has."""
    stated = getattr(task, "target_spec", None)
    if not isinstance(stated, Form):
        raise ComponentError(
            f"{label}: its target_spec is {kind_of(stated)}, no form of answer", hint="mtl list form"
        )


def rehearse_encoder(owners: Owners, encoder: Encoder, entry: Entry, inputs: Sequence[ModelInput]) -> None:
    """Raise `ComponentError` unless every stage gives what `feature_specs` states."""
    label = owners.named(encoder)
    stages, specs = getattr(encoder, "stages", None), getattr(encoder, "feature_specs", None)
    if not isinstance(stages, nn.Sequential) or specs is None:
        raise ComponentError(
            f"{label} sets no `stages`, an nn.Sequential, or no `feature_specs` in its constructor"
        )
    if len(stages) != len(specs) or not specs:
        raise ComponentError(f"{label} has {len(stages)} stages but states {len(specs)} feature specs")

    def answer(module: Any) -> None:
        features = _ramp(entry.shape)
        for index, name in enumerate(stages._modules):
            features = module.forward_stage(index, features, _no_inputs(inputs))
            seen = module.tap(index, features)
            require_tensor(label, f"stage {name!r} answered", seen, specs[index].shape, COUNT)

    _in_both_modes(owners, encoder, answer)


def rehearse_sharing(
    owners: Owners, sharing: Sharing, tasks: Sequence[str], entry: Entry, inputs: Sequence[ModelInput]
) -> None:
    """Raise `ComponentError` unless every task gets the features that the scheme states."""
    label = owners.named(sharing)
    stated: Mapping[str, tuple[FeatureSpec, ...]] = getattr(sharing, "feature_specs", {})

    def answer(module: Any) -> None:
        answered = module(_ramp(entry.shape), _no_inputs(inputs), tuple(tasks))
        for task in tasks:
            if task not in stated or not isinstance(answered, Mapping) or task not in answered:
                raise ComponentError(f"{label} has no features for task {task!r}")
            if len(answered[task]) != len(stated[task]):
                raise ComponentError(
                    f"{label}: task {task!r} gets {len(answered[task])} features, stated {len(stated[task])}"
                )
            for index, (features, spec) in enumerate(zip(answered[task], stated[task], strict=True)):
                require_tensor(label, f"task {task!r} gets as feature {index}", features, spec.shape, COUNT)

    _in_both_modes(owners, sharing, answer)
    with _quietly(sharing):
        ask(label, sharing, "shared_parameters")
        ask(label, sharing, "learned", _ramp(entry.shape), _no_inputs(inputs))
        ask(label, deepcopy(sharing), "settled")


def rehearse_head(owners: Owners, head: Head, spec: HeadSpec) -> None:
    """Raise `ComponentError` unless the head's raw output has its target's form, and uses its bottleneck."""
    label = owners.named(head)
    stages = tuple(_ramp(stage.shape) for stage in spec.stages)
    narrow = ask(label, head, "bottleneck")
    passed: list[Any] = []
    noting = (
        narrow.register_forward_hook(lambda *call: passed.append(call[-1])) if narrow is not None else None
    )

    def answer(module: Any) -> None:
        raw = module(Features(stages, _ramp(spec.image.kept_shape), _no_inputs(spec.inputs)))
        require_tensor(label, "it answered", raw, spec.target.output_shape, COUNT)

    _in_both_modes(owners, head, answer)
    if noting is not None:
        noting.remove()
        if not passed or not isinstance(passed[0], Tensor) or passed[0].dim() < 2:
            raise ComponentError(
                f"{label}: its bottleneck is no layer that its answer comes from, with values [B, D]",
                hint="return a layer that `forward` uses, or None",
            )


def rehearse_loss(owners: Owners, loss: Loss, target: Form) -> None:
    """Raise `ComponentError` unless the loss, if it needs no fit before, gives one number per sample.

    It has no parameter to be trained and changes no buffer: nothing would keep these.
    """
    label = owners.named(loss)
    refuse_trained(owners, loss)
    if loss.fits:
        return
    before = buffers_of(loss)

    def answer(module: Any) -> None:
        raw = torch.zeros(COUNT, *target.output_shape, requires_grad=module.training)
        with torch.set_grad_enabled(module.training):
            losses = module(raw, _targets(target))
        refuse_moved(owners, module, before)
        # Finite it need not be: these are no answers of a model, and no labels of the data.
        require_tensor(label, "it gave", losses, (), COUNT, REAL, finite=False)

    _in_both_modes(owners, loss, answer)


def rehearse_metric(owners: Owners, metric: Metric, target: Form) -> None:
    """Raise `ComponentError` unless the metric's value is a scalar, or a table where it says so."""
    label = owners.named(metric)
    with _quietly(metric):
        metric.reset()
        metric.update(target.predict(torch.zeros(COUNT, *target.output_shape)), _targets(target))
        value = metric.compute()
        metric.reset()
    table = (len(target.labels), len(metric.columns)) if metric.columns else None
    fits = isinstance(value, Tensor) and (
        value.numel() == 1 if metric.scalar else value.dim() == 2 and value.shape == (table or value.shape)
    )
    if not fits:
        stated = "a scalar" if metric.scalar else f"a table {list(table) if table else '[K, K]'}"
        shown = list(value.shape) if isinstance(value, Tensor) else kind_of(value)
        raise ComponentError(f"{label}: its value is {shown}, stated {stated}")
    require_number(label, "its value is", value, (*REAL, *WHOLE))


def rehearse_late_metrics(composition: Composition) -> None:
    """Rehearse the metrics that start late, which are left out while a recipe is composed."""
    owners = composition.owners
    with uncollected(), owners.at_work("on its first samples"), seeded_generators():
        for composed in composition.tasks.values():
            for metric in composed.metrics.values():
                if metric.starts_late:
                    rehearse_metric(owners, metric, composed.target)


def rehearse_views(composition: Composition, samples: Samples) -> None:
    """Take two training samples through augmentations and tasks; raise `ComponentError` for other forms."""
    indices = torch.arange(min(COUNT, len(samples)), device=samples.home)
    batch = samples.batch(indices)
    random = StepRandom(len(indices), samples.device, 0, "rehearsal")
    owners, shape = composition.owners, composition.dataset_spec.image.kept_shape
    with owners.at_work("on its first samples"), seeded_generators(samples.device), torch.no_grad():
        for index, augmentation in enumerate(composition.augmentations):
            label = owners.label(augmentation) or "an augmentation"
            batch = augmentation(batch, random.stream(f"augmentation {index}"))
            _require_batch(label, "its batch", batch, shape, len(indices))
        for name, composed in composition.tasks.items():
            task, source = composed.task, random.stream(name)
            label = owners.label(task) or f"task {name!r}"
            seen = task.transform(batch, source.stream("transform"))
            _require_batch(label, "its transformed batch", seen, shape, len(indices))
            clean = task.prepare(seen.image)
            require_tensor(label, "its prepared image is", clean, shape, len(indices))
            corrupted = task.corrupt(clean, source.stream("corrupt"))
            require_tensor(label, "its corrupted image is", corrupted, shape, len(indices))
            drawn = dict(task.draw_inputs(seen, source.stream("inputs")))
            for spec in task.inputs:
                what = f"its input {spec.name!r} is"
                require_tensor(label, what, drawn.get(spec.name), (), len(indices), WHOLE)
            target = task.target(Batch(clean, seen.labels, {**seen.inputs, **drawn}))
            _require_target(label, target, composed.target, len(indices))


def _ramp(shape: Sequence[int]) -> Tensor:
    """Return two samples without numbers that are all the same: their deviation is not 0."""
    return torch.linspace(0.0, 1.0, COUNT * prod(shape)).view(COUNT, *shape)


def _in_both_modes(owners: Owners, module: nn.Module, answer: Callable[[nn.Module], None]) -> None:
    """Let a module answer in evaluation mode, then a copy of it in training mode, which keeps its form."""
    with _quietly(module):
        answer(module)
    _refuse_lazy(owners.named(module), module)
    copied = deepcopy(module)
    with seeded_generators(), _quietly(copied):
        answer(copied.train())
    refuse_other_form(owners, copied, form_of(module))


@contextmanager
def _quietly(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode without gradients and warnings, and every part back as it was."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for part, training in modes.items():
            part.training = training


def _targets(form: Form) -> Tensor:
    """Return a right answer for two samples, each another one where a few draws give two."""
    drawn = form.draw(8, generator("cpu", 0, "rehearsal"))
    other = next((row for row in drawn if not torch.equal(row, drawn[0])), drawn[0])
    return torch.stack([drawn[0], other])


def _no_inputs(inputs: Sequence[ModelInput]) -> dict[str, Tensor]:
    vectors = {spec.name: torch.zeros(COUNT, spec.prepared) for spec in vectors_among(inputs)}
    return vectors | {spec.name: torch.zeros(COUNT, dtype=torch.int64) for spec in numbers_among(inputs)}


def _require_batch(label: str, what: str, batch: Any, shape: tuple[int, ...], count: int) -> None:
    if not isinstance(batch, Batch):
        raise ComponentError(f"{label}: {what} is {kind_of(batch)}, no Batch")
    require_tensor(label, f"the image of {what} is", batch.image, shape, count)


def _require_target(label: str, target: Any, stated: Form, count: int) -> None:
    shape, kinds = form_of_target(stated)
    require_tensor(label, "its target is", target, shape, count, kinds, finite=False)
    if stated.highest is not None:
        low, high = int(target.min()), int(target.max())
        if low < -1 or high > stated.highest:
            raise ComponentError(
                f"{label}: its target is {low}..{high}, which must lie in -1..{stated.highest}",
                hint="-1 stands for absent",
            )


def has_lazy(module: nn.Module) -> bool:
    """Return whether a layer of the module gets its size only from the first features it sees."""
    return bool(_lazy(module))


def _lazy(module: nn.Module) -> list[str]:
    held = (*module.named_parameters(), *module.named_buffers())
    return [name for name, value in held if is_lazy(value)]


def _refuse_lazy(label: str, module: nn.Module) -> None:
    if lazy := _lazy(module):
        raise ComponentError(
            f"{label} has the lazy parameter {lazy[0]!r}, which no forward pass makes",
            hint="use the layer, or state its size",
        )
