"""Resolves a recipe to live objects: negotiates every form before anything is trained.

The order is the way of a batch: data set, tasks, encoder, sharing, heads, losses, metrics, balancer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from ..base.errors import ComponentError, Incompatible, Problem, RecipeError
from ..contracts import (
    Balancer,
    Dataset,
    Encoder,
    EncoderBuilder,
    Form,
    Head,
    HeadSpec,
    Loss,
    Sharing,
    Task,
)
from ..contracts.inputs import ModelInput
from ..contracts.randomness import derive_seed, seeded_generators
from ..contracts.specs import DatasetSpec, FeatureSpec
from ..discovery.answer_forms import entry_of
from ..discovery.declared import ask
from ..discovery.options import options_of, plain, validate_options
from ..discovery.plugin_loading import HOME
from ..discovery.registry import Registry
from ..recipe.building import Builder
from ..recipe.recipe import Choice, Recipe, Statistics, TaskChoice, Training
from ..recipe.recipe_source import RecipeSource
from ..recipe.recipe_text import PathOfKeys
from .augmenting import build_augmentations
from .composition import ComposedTask, Composition
from .encoders import build_encoder, encoder_entry, model_inputs
from .memory_format import prefers_channels_last
from .model import MultitaskModel, Normalization
from .orbit import Orbit
from .rehearsal import (
    has_lazy,
    rehearse_encoder,
    rehearse_head,
    rehearse_loss,
    rehearse_metric,
    rehearse_sharing,
    require_target_spec,
)
from .standardization import StandardizedLoss, default_of, standardized
from .state import refuse_untrainable
from .suitability import (
    refuse_frozen,
    refuse_misnamed_inputs,
    refuse_sampling,
    refuse_unread_vectors,
    refuse_unsuitable,
    refuse_without_images,
    watched_metric,
)
from .training_parts import training_parts
from .wanted import told, wanted_preparation, with_normalization, with_pictures


def compose(
    recipe: Recipe, registry: Registry, source: RecipeSource | None = None, *, starts: bool = True
) -> Composition:
    """Build everything a recipe names.

    `source` tells messages where a value was written. Encoders get the weights that training starts from,
    unless it goes on, or is over: where nothing `starts`, those files need not be there any more. Raises
    `RecipeError` when components do not fit together, naming those that would.
    """
    composer = _Composer(recipe, registry, source or RecipeSource(), starts=starts)
    with composer.owners.at_work("while the model was composed"):
        return composer.composition()


class _Composer(Builder):
    def __init__(self, recipe: Recipe, registry: Registry, source: RecipeSource, *, starts: bool) -> None:
        super().__init__(registry, source)
        self._starts = starts
        self.recipe = recipe
        self._encoders: list[Encoder] = []

    def composition(self) -> Composition:
        dataset, spec, wanted = self._data()
        refuse_misnamed_inputs(self.label(dataset), spec)
        tasks = self._tasks(spec)
        refuse_without_images(self, self.recipe, spec, tasks)
        inputs = model_inputs(self, spec, tasks)
        sharing = self._sharing(spec, inputs)
        heads, choices = self._heads(spec, tasks, sharing)
        composed, choices = self._losses_and_metrics(tasks, choices)
        model = MultitaskModel(
            self._normalization(spec),
            sharing,
            heads,
            {name: task.target_spec for name, task in tasks.items()},
            [task.prepare for task in tasks.values() if task.prepares],
            self._orbit(spec, tasks),
            {
                name: item.loss.standardization
                for name, item in composed.items()
                if isinstance(item.loss, StandardizedLoss)
            },
            spec.inputs,
            pictured=bool(spec.image),
        )
        refuse_frozen(self, self.recipe, model)
        parts = training_parts(self, self.recipe.train, model, self._encoders)
        names = tuple(tasks)
        balancer: Balancer = self.build("balancer", self.recipe.balancer, ("balancer",), names)
        refuse_unsuitable(self, self.recipe, balancer, model, parts.freezing)
        refuse_untrainable(self.owners, (model, balancer))
        refuse_sampling(self, self.recipe.train.sampling, tasks, spec)
        watch = watched_metric(self, self.recipe.train, composed)
        return Composition(
            recipe=replace(self.recipe, tasks=choices, train=self._training(model, watch)),
            dataset=dataset,
            dataset_spec=spec,
            augmentations=build_augmentations(self, self.recipe, spec, composed),
            tasks=composed,
            model=model,
            balancer=balancer,
            training=parts,
            exporter=self.build("exporter", self.recipe.export, ("export",)),
            encoders=tuple(self._encoders),
            owners=self.owners,
            form_plugins=self._form_plugins(tasks),
            wanted=wanted,
            origins=tuple(dict.fromkeys(item.origin for item in self._encoders if item.origin)),
        )

    def _data(self) -> tuple[Dataset, DatasetSpec, tuple[str, ...]]:
        """Return the data set and its form, as the weights of the encoder want them, and what was done."""
        wanted = wanted_preparation(self, self.recipe.encoder)
        said: list[str] = []
        if wanted is not None:
            self.recipe, said = with_pictures(self.registry, self.recipe, wanted)
        dataset = self.dataset(self.recipe.dataset)
        spec: DatasetSpec = ask(self.label(dataset), dataset, "spec")
        self.recipe, more = with_normalization(self.recipe, wanted, spec.image)
        return dataset, spec, told(wanted, [*said, *more], spec.image)

    def _training(self, model: MultitaskModel, watch: str | None) -> Training:
        """Return how to train, with what the recipe leaves to a rule decided and written down."""
        training = self.recipe.train.model_copy(update={"watch": watch})
        if training.channels_last is not None:
            return training
        return training.model_copy(update={"channels_last": prefers_channels_last(model)})

    def _tasks(self, spec: DatasetSpec) -> dict[str, Task]:
        tasks = {}
        for choice in self.recipe.tasks:
            path = ("tasks", choice.name)
            tasks[choice.name] = self.build(
                "task", choice.task, path, spec, hint=lambda: self._tasks_hint(spec)
            )
            require_target_spec(self.label(tasks[choice.name]), tasks[choice.name])
            missing = [column for column in tasks[choice.name].needs if column not in spec.labels]
            if missing:
                columns = ", ".join(spec.labels) or "none"
                reason = f"needs the label column {missing[0]!r}; {self.recipe.dataset.name!r} has: {columns}"
                raise self.refused("task", choice.name, reason, path, self._tasks_hint(spec))
        return tasks

    def _tasks_hint(self, spec: DatasetSpec) -> str:
        fitting = self.fitting("task", lambda component: _tried(component, spec))
        return f"for data set {self.recipe.dataset.name!r} {fitting}"

    def _sharing(self, spec: DatasetSpec, inputs: tuple[ModelInput, ...]) -> Sharing:
        entry = encoder_entry(spec)

        def new_encoder() -> Encoder:
            number = len(self._encoders) + 1
            with self._seeded("encoder", number):
                encoder = build_encoder(
                    self, self.recipe.encoder, ("encoder",), entry, inputs, starts=self._starts
                )
                # The others are like the first; only lazy layers must be made in every one.
                if number == 1 or has_lazy(encoder):
                    self._rehearse(rehearse_encoder, encoder, entry, inputs)
            self._encoders.append(encoder)
            return encoder

        names = [task.name for task in self.recipe.tasks]
        builder = EncoderBuilder(entry, new_encoder)

        def fitting_sharings() -> str:
            return self.fitting("sharing", lambda other: _tried(other, names, builder))

        with self._seeded("sharing"):
            sharing: Sharing = self.build(
                "sharing", self.recipe.sharing, ("sharing",), names, builder, hint=fitting_sharings
            )
            self._rehearse(rehearse_sharing, sharing, names, entry, inputs)
        return sharing

    def _heads(
        self, spec: DatasetSpec, tasks: Mapping[str, Task], sharing: Sharing
    ) -> tuple[dict[str, Head], tuple[TaskChoice, ...]]:
        heads: dict[str, Head] = {}
        choices = []
        used: set[str] = set(sharing.fuses)
        for choice in self.recipe.tasks:
            task = tasks[choice.name]
            stages: tuple[FeatureSpec, ...] = sharing.feature_specs[choice.name]
            head_spec = HeadSpec(spec.image, stages, task.target_spec, task.inputs)
            path: PathOfKeys = ("tasks", choice.name, "head")
            head_choice = self._chosen(
                "head", choice.head, self._preferred_head(choice.name, task, sharing), path
            )
            self._refuse_contradiction(choice, head_choice, path)
            heads[choice.name] = self._head(choice.name, head_choice, head_spec)
            choices.append(replace(choice, head=head_choice))
            used |= heads[choice.name].fuses
        refuse_unread_vectors(self, self.recipe, spec, used)
        self._refuse_unread_inputs(tasks, used)
        return heads, tuple(choices)

    def _chosen(self, kind: str, given: Choice | None, preferred: Choice, path: PathOfKeys) -> Choice:
        """Return the component a recipe names, or the preferred one with the options the recipe gives."""
        if given is None:
            return preferred
        if given.name:
            return given
        model = options_of(self.registry.find(kind, preferred.name))
        options, problems = validate_options(model, {**plain(preferred.options), **given.options})
        if not problems:
            return Choice(preferred.name, options)
        raise RecipeError(
            [
                Problem(
                    f"{kind} {preferred.name!r}: {problem.message}",
                    self.source.where((*path, *problem.path)),
                    problem.hint,
                )
                for problem in problems
            ]
        )

    def _refuse_contradiction(self, task: TaskChoice, head: Choice, path: PathOfKeys) -> None:
        """A task may set an option of the head it prefers; another head must not silently say otherwise."""
        for name in task.task.options.keys() & head.options.keys():
            mine, its = task.task.options[name], head.options[name]
            if mine != its:
                reason = f"of task {task.name!r} has {name} {its!r}, the task itself {mine!r}"
                hint = f"set tasks.{task.name}.{name} and tasks.{task.name}.head.{name} to the same"
                raise self.refused("head", head.name, reason, path, hint)

    def _preferred_head(self, name: str, task: Task, sharing: Sharing) -> Choice:
        if task.head is not None:
            return self.own_choice("head", task.head)
        unread = [spec.name for spec in task.inputs if spec.name not in sharing.fuses]
        return self._default("head", "inputs")[0] if unread else self._own("head", name, task.target_spec)

    def _head(self, name: str, choice: Choice, spec: HeadSpec) -> Head:
        with self._seeded("head", name):
            head: Head = self.negotiated("head", choice, ("tasks", name, "head"), f"of task {name!r} ", spec)
            self._rehearse(rehearse_head, head, spec)
        return head

    def _refuse_unread_inputs(self, tasks: Mapping[str, Task], used: set[str]) -> None:
        for name, task in tasks.items():
            for spec in task.inputs:
                if spec.name not in used:
                    fusing = ", ".join(self.registry.defaults("head", "inputs"))
                    reason = f"has an extra input {spec.name!r} that neither the encoder nor its head reads"
                    hint = f"leave out its head (default: {fusing}), or choose an encoder that reads it"
                    raise self.refused("task", name, reason, ("tasks", name), hint)

    def _losses_and_metrics(
        self, tasks: Mapping[str, Task], choices: tuple[TaskChoice, ...]
    ) -> tuple[dict[str, ComposedTask], tuple[TaskChoice, ...]]:
        composed = {}
        complete = []
        for choice in choices:
            task = tasks[choice.name]
            target = task.target_spec
            preferred = (
                self.own_choice("loss", task.loss) if task.loss else self._own("loss", choice.name, target)
            )
            loss = self._chosen("loss", choice.loss, preferred, ("tasks", choice.name, "loss"))
            metrics = choice.metrics
            if metrics is None and task.metrics is not None:
                metrics = tuple(self.own_choice("metric", metric) for metric in task.metrics)
            if metrics is None:
                metrics = tuple(self._preferred("metric", name, target) for name in target.default_metrics)
            self._refuse_repeated_metrics(choice.name, metrics)
            stated = choice.standardize or default_of(target)
            composed[choice.name] = ComposedTask(
                choice.name,
                task,
                choice.weight,
                self._standardized(self._measure("loss", loss, choice.name, target), choice.name, stated),
                {metric.name: self._measure("metric", metric, choice.name, target) for metric in metrics},
            )
            complete.append(replace(choice, loss=loss, metrics=metrics, standardize=stated))
        return composed, tuple(complete)

    def _standardized(self, loss: Loss, name: str, stated: str | Statistics | None) -> Loss:
        try:
            return standardized(loss, stated)
        except Incompatible as refusal:
            hint = "leave standardize out, or set it to train"
            raise self.refused("task", name, str(refusal), ("tasks", name, "standardize"), hint) from None

    def _refuse_repeated_metrics(self, name: str, metrics: tuple[Choice, ...]) -> None:
        names = [metric.name for metric in metrics]
        for metric in names:
            if names.count(metric) > 1:
                raise self.refused("task", name, f"has metric {metric!r} twice", ("tasks", name, "metrics"))

    def _measure(self, kind: str, choice: Choice, name: str, target: Form) -> Any:
        path = ("tasks", name, "loss" if kind == "loss" else "metrics")
        with self._seeded(kind, name, choice.name):
            measure = self.negotiated(kind, choice, path, f"of task {name!r} ", target)
            if kind == "loss":
                self._rehearse(rehearse_loss, measure, target)
            elif not measure.starts_late:
                self._rehearse(rehearse_metric, measure, target)
        return measure

    def _default(self, kind: str, situation: str) -> tuple[Choice, ...]:
        names = self.registry.defaults(kind, situation)
        if not names:
            raise ComponentError(f"no {kind} is the default for {situation!r}", hint=f"mtl list {kind}")
        return tuple(self.own_choice(kind, name) for name in names)

    def _own(self, kind: str, task: str, form: Form) -> Choice:
        """Return the head or loss that answers of a form get where neither task nor recipe names one."""
        name = form.head if kind == "head" else form.loss
        if not name:
            reason = f"answers in the form {form.form!r}, which names no {kind}"
            raise self.refused("task", task, reason, ("tasks", task), f"name one; mtl list {kind}")
        return self._preferred(kind, name, form)

    def _preferred(self, kind: str, name: str, form: Form) -> Choice:
        plugin = entry_of(form, self.registry).provider.distribution
        return self.own_choice(kind, self.registry.meant(kind, name, plugin))

    def _form_plugins(self, tasks: Mapping[str, Task]) -> dict[str, str]:
        entries = [entry_of(task.target_spec, self.registry) for task in tasks.values()]
        return {
            entry.component.name: entry.provider.portable
            for entry in entries
            if entry.provider.distribution != HOME
        }

    def _orbit(self, spec: DatasetSpec, tasks: Mapping[str, Task]) -> Orbit | None:
        choice = self.recipe.test_time_augmentation
        if choice == "none":
            return None
        targets = {name: task.target_spec for name, task in tasks.items()}
        symmetries = {name: task.symmetry for name, task in tasks.items()}
        try:
            return Orbit(choice, spec.image, targets, symmetries)
        except Incompatible as refusal:
            key = "test_time_augmentation"
            where = self.source.where((key,))
            hint = "mirror takes images of any form, none tasks of any kind"
            raise RecipeError([Problem(f"{key} {choice!r} {refusal}", where, hint)]) from None

    def _normalization(self, spec: DatasetSpec) -> Normalization:
        normalization = Normalization(spec.image.kept_shape[0])
        stated = self.recipe.normalization
        if isinstance(stated, Mapping):
            lengths = {len(values) for values in stated.values()}
            if lengths != {spec.image.channels}:
                message = "normalization needs one mean and one std per channel"
                hint = f"{self.recipe.dataset.name!r} has {spec.image.channels} per image"
                raise RecipeError([Problem(message, self.source.where(("normalization",)), hint)])
            normalization.set(stated["mean"], stated["std"])
        return normalization

    def _rehearse(self, check: Callable[..., None], component: object, *arguments: Any) -> None:
        """Let a component answer two samples; raise `ComponentError` unless it answers as it states."""
        if torch.get_default_device().type == "meta":
            return  # a model without numbers is composed to be looked at, and answers nothing
        with self.owners.at_work("on its first samples"):
            check(self.owners, component, *arguments)

    @contextmanager
    def _seeded(self, *names: str | int) -> Iterator[None]:
        with seeded_generators() as seed:
            seed(derive_seed(self.recipe.seed, "initialisation", *names))
            yield


def _tried(component: Any, *arguments: Any) -> None:
    """Construct a component with default options; its refusal is raised as `Incompatible`."""
    component(*arguments)
