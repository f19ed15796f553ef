"""What a recipe names for each task: the task, its head, its loss and its metrics, each negotiated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..base.errors import ComponentError, Incompatible, Problem, RecipeError
from ..contracts import Form, Head, HeadSpec, Loss, Sharing, Task
from ..contracts.randomness import derive_seed, seeded_generators
from ..contracts.specs import DatasetSpec, FeatureSpec
from ..discovery.answer_forms import entry_of
from ..discovery.fitting_forms import tasks_answering
from ..discovery.options import options_of, plain, validate_options
from ..discovery.registry import Registry
from ..recipe.building import Builder
from ..recipe.mistakes import Mistakes
from ..recipe.recipe import Choice, Recipe, Statistics, TaskChoice
from ..recipe.recipe_source import RecipeSource
from ..recipe.recipe_text import PathOfKeys
from .composition import ComposedTask
from .rehearsal import rehearse_head, rehearse_loss, rehearse_metric, require_target_spec
from .standardization import default_of, standardized
from .suitability import refuse_unread_vectors


class TaskBuilder(Builder):
    """Builds what belongs to one task; what is wrong is gathered in `mistakes`, and told at once."""

    def __init__(self, recipe: Recipe, registry: Registry, source: RecipeSource) -> None:
        super().__init__(registry, source)
        self.recipe = recipe
        self.mistakes = Mistakes()

    def _tasks(self, spec: DatasetSpec) -> dict[str, Task]:
        tasks = {}
        for choice in self.recipe.tasks:
            with self.mistakes.gathered():
                tasks[choice.name] = self._task(choice, spec)
        return tasks

    def _task(self, choice: TaskChoice, spec: DatasetSpec) -> Task:
        path = ("tasks", choice.name)
        hint = partial(self._tasks_hint, choice, spec)
        task: Task = self.build("task", choice.task, path, spec, hint=hint)
        require_target_spec(self.label(task), task)
        missing = [column for column in task.needs if column not in spec.labels]
        if missing:
            columns = ", ".join(spec.labels) or "none"
            reason = f"needs the label column {missing[0]!r}; {self.recipe.dataset.name!r} has: {columns}"
            raise self.refused("task", choice.name, reason, path, hint())
        return task

    def _tasks_hint(self, choice: TaskChoice, spec: DatasetSpec) -> str:
        """Name the tasks that would fit: the column that was asked for, or else the data set."""
        asked = [value for value in choice.task.options.values() if isinstance(value, str)]
        if columns := [value for value in asked if value in spec.labels]:
            name, form = columns[0], spec.labels[columns[0]]
            tasks = tasks_answering(name, form, spec.image, self.registry)
            fitting = f"would fit: {', '.join(tasks)}" if tasks else "no task answers it as it is"
            return f"column {name!r} is of the form {form.form!r}; {fitting}"
        fitting = self.fitting("task", lambda component: tried(component, spec))
        return f"for data set {self.recipe.dataset.name!r} {fitting}"

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
            head_choice = choice.head
            with self.mistakes.gathered():
                head_choice = self._chosen(
                    "head", choice.head, self._preferred_head(choice.name, task, sharing), path
                )
                self._refuse_contradiction(choice, head_choice, path)
                heads[choice.name] = self._head(choice.name, head_choice, head_spec)
                used |= heads[choice.name].fuses
            choices.append(replace(choice, head=head_choice))
        if len(heads) == len(tasks):  # one that is missing may be the one that reads it
            with self.mistakes.gathered():
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
            with self.mistakes.gathered():
                composed[choice.name], chosen = self._composed(choice, tasks[choice.name])
                complete.append(chosen)
        return composed, tuple(complete)

    def _composed(self, choice: TaskChoice, task: Task) -> tuple[ComposedTask, TaskChoice]:
        """Return a task with its loss and its metrics, and the choice of all of these, complete."""
        name, target, gathered = choice.name, task.target_spec, self.mistakes.gathered
        preferred = self.own_choice("loss", task.loss) if task.loss else self._own("loss", name, target)
        loss = self._chosen("loss", choice.loss, preferred, ("tasks", name, "loss"))
        metrics = choice.metrics
        if metrics is None and task.metrics is not None:
            metrics = tuple(self.own_choice("metric", metric) for metric in task.metrics)
        if metrics is None:
            metrics = tuple(self._preferred("metric", metric, target) for metric in target.default_metrics)
        self._refuse_repeated_metrics(name, metrics)
        stated = choice.standardize or default_of(target)
        built = {}
        for metric in metrics:
            with gathered():
                built[metric.name] = self._measure("metric", metric, name, target)
        measured = self._standardized(self._measure("loss", loss, name, target), name, stated)
        return (
            ComposedTask(name, task, choice.weight, measured, built),
            replace(choice, loss=loss, metrics=metrics, standardize=stated),
        )

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


def tried(component: Any, *arguments: Any) -> None:
    """Construct a component with default options; its refusal is raised as `Incompatible`."""
    component(*arguments)
