"""Turns a recipe's values into a `Recipe`: names looked up, options validated, all mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import MOST_SHOWN, MtlError, Problem, RecipeError, UsageError, did_you_mean
from ..base.places import from_root
from ..discovery.options import OptionProblem, options_of, validate_options
from ..discovery.registry import Registry, component_class
from .recipe import FORMAT, Choice, Recipe, TaskChoice, Training
from .recipe_source import RecipeSource
from .recipe_text import PathOfKeys
from .recipe_values import usable_values
from .section import Section, sections_of
from .training_section import read_training

if TYPE_CHECKING:
    from .data_questions import DataQuestions

_SECTIONS = sections_of(Recipe)
_TASK_SECTIONS = {name: section for name, section in sections_of(TaskChoice).items() if name != "name"}
_TASK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
_MOST = 1000
"""Entries of a list of components."""
_LONGEST_NAME = 100
"""Characters of a task's name, which becomes part of the names of files."""


def read(source: RecipeSource, registry: Registry) -> Recipe:
    """Return the recipe with every default filled in; raise `RecipeError` with all problems found."""
    usable_values(source.tree, source.where)
    return _Reader(source, registry).recipe()


class _Reader:
    def __init__(self, source: RecipeSource, registry: Registry) -> None:
        self.source = source
        self.tree = source.tree
        self.registry = registry
        self.problems: list[Problem] = []
        self._asked: Choice | None = None

    def recipe(self) -> Recipe:
        self._refuse_unknown(self.tree, ("mtl", *_SECTIONS), (), "section")
        if self.tree.get("mtl", FORMAT) != FORMAT:
            self._complain(
                ("mtl",), f"recipe format {self.tree['mtl']!r} is not known", f"write mtl: {FORMAT}"
            )
        # The data set comes first: without any tasks, its own labels call for some.
        values: dict[str, Any] = {"dataset": self._dataset()}
        special: dict[str, Callable[[], Any]] = {"tasks": self._tasks, "train": self._training}
        for name, section in _SECTIONS.items():
            if name not in values:
                values[name] = special[name]() if name in special else self._section(section)
        if self.problems:
            raise RecipeError(self.problems)
        return Recipe(**values)

    def _section(self, section: Section) -> Any:
        """Return what a section holds: components by name, or a plain value."""
        if section.kind is None:
            path = (section.name,)
            return self._value(section, self.tree.get(section.name, section.default), path, section.name)
        if section.many:
            return self._choices(section.kind, self.tree.get(section.name), (section.name,)) or ()
        own = {"encoder": self._own_encoder, "balancer": self._own_balancer}
        return self._default_choice(section.kind, section.name, own.get(section.kind, dict))

    def _value(self, section: Section, value: Any, path: PathOfKeys, what: str) -> Any:
        """Return a plain value as it is kept; complain and return the default for one that is none."""
        try:
            return section.value_of(value)
        except ValueError as error:
            self._complain(path, f"{what} must be {error}, got {_shown(value)}", section.means.hint)
            return section.default

    def _complain(self, path: PathOfKeys, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.source.where(path), hint))

    def _refuse_unknown(
        self, section: Mapping[str, Any], known: tuple[str, ...], path: PathOfKeys, what: str
    ) -> None:
        for key in section:
            if key not in known:
                shown = len(self.problems) < MOST_SHOWN  # a hint takes time
                hint = (did_you_mean(key, known) or f"{what}s: {', '.join(known)}") if shown else None
                self._complain((*path, key), f"unknown {what} {_shown(key)}", hint)

    def _default_choice(self, kind: str, section: str, own: Callable[[], Mapping[str, Any]] = dict) -> Choice:
        """Return what a section says, or the default where it names none: `own` before the usual one."""
        value = self.tree.get(section)
        if value is None or (isinstance(value, dict) and "name" not in value):
            usual = own()
            if not usual:
                names = self.registry.defaults(kind, "recipe")
                if not names:
                    problem = f"no {kind} is chosen and none is the default"
                    self._complain((section,), problem, f"mtl list {kind}")
                    return Choice("")
                usual = {"name": names[0]}
            value = {**usual, **(value or {})}
        return self._choice(kind, value, (section,)) or Choice("")

    def _choice(self, kind: str, value: Any, path: PathOfKeys) -> Choice | None:
        """Look a component up and complete its options; complain and return None when that fails."""
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            self._complain(path, f"{kind} must be a name or a mapping with a `name`, got {_shown(value)}")
            return None
        options = {key: item for key, item in value.items() if key != "name"}
        return self._resolved(kind, value["name"], options, path)

    def _resolved(self, kind: str, name: str, options: Mapping[str, Any], path: PathOfKeys) -> Choice | None:
        try:
            entry = self.registry.find(kind, name)
        except UsageError as error:
            self._complain(path, error.message, error.hint)
            return None
        complete, problems = validate_options(options_of(entry), options)
        for problem in problems:
            self._complain((*path, *problem.path), *self._said(kind, name, problem, path))
        placed = {key: self._placed(item, f"{kind} {name!r}", (*path, key)) for key, item in complete.items()}
        held = component_class(entry).holds if kind == "dataset" else ""
        if held and held in placed:
            placed[held] = self._held(placed[held], (*path, held))
        return Choice(name, placed)

    def _said(self, kind: str, name: str, problem: OptionProblem, path: PathOfKeys) -> tuple[str, str | None]:
        """Return what is wrong with an option, in the words in which it was written, and a hint."""
        flag = self.source.where((*path, *problem.path)) or ""
        if not problem.unknown or not flag.startswith("--") or " " in flag:
            return f"{kind} {name!r}: {problem.message}", problem.hint
        # Whoever wrote a flag of mtl's knows nothing of the option that it stands for.
        fitting = [other for other in self.registry.names(kind) if self._has(kind, other, problem.path[0])]
        return f"{kind} {name!r} does not take it", f"leave it out, or take one of: {', '.join(fitting)}"

    def _has(self, kind: str, name: str, option: object) -> bool:
        with suppress(MtlError):  # one that cannot be asked is not recommended
            return option in options_of(self.registry.find(kind, name)).model_fields
        return False

    def _held(self, values: Mapping[str, Any], path: PathOfKeys) -> dict[str, Any]:
        """Return the data sets that a data set holds, by name, each with its options complete."""
        chosen = {name: self._choice("dataset", value, (*path, name)) for name, value in values.items()}
        return {
            name: {"name": choice.name, **choice.options}
            for name, choice in chosen.items()
            if choice is not None
        }

    def _placed(self, value: Any, whose: str, path: PathOfKeys) -> Any:
        """Return an option's value, a path from the root: a recipe must find its files from any folder."""
        if not isinstance(value, Path):
            return value
        try:
            return from_root(value)
        except UsageError as error:
            self._complain(path, f"{whose}: option {path[-1]!r}: {error.message}", error.hint)
            return value

    def _choices(self, kind: str, value: Any, path: PathOfKeys) -> tuple[Choice, ...] | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            self._complain(path, f"{path[-1]} must be a list of {kind}s, got {_shown(value)}")
            return None
        if self._has_too_many(value, f"{kind}s", path):
            return None
        chosen = [self._choice(kind, item, (*path, index)) for index, item in enumerate(value)]
        return tuple(choice for choice in chosen if choice is not None)

    def _tasks(self) -> tuple[TaskChoice, ...]:
        value = self.tree.get("tasks") or self._own_tasks
        example = "for example --tasks classify, or in a recipe `tasks: [classify]`; see: mtl list task"
        if not value:
            if value is not None:
                self._complain(("tasks",), *self._untold(example))
            return ()
        if isinstance(value, list | dict) and self._has_too_many(value, "tasks", ("tasks",)):
            return ()
        if isinstance(value, list):
            value = self._tasks_from_list(value)
        if not isinstance(value, Mapping):
            self._complain(("tasks",), f"tasks must be a list or a mapping, got {_shown(value)}", example)
            return ()
        found = [self._task(str(name), body) for name, body in value.items()]
        tasks = tuple(task for task in found if task is not None)
        if tasks and all(task.weight == 0 for task in tasks):
            self._complain(
                ("tasks",), "every task has weight 0: nothing would be trained", "raise one weight"
            )
        return tasks

    def _dataset(self) -> Choice:
        mistakes = len(self.problems)
        chosen = self._default_choice("dataset", "dataset")
        if len(self.problems) > mistakes:
            return chosen
        self._asked = self._aimed(chosen)
        return chosen if self._asked is None else self._asked

    @cached_property
    def _questions(self) -> DataQuestions:
        from .data_questions import DataQuestions  # torch comes with it

        return DataQuestions(self.registry, self.source)

    def _aimed(self, chosen: Choice) -> Choice | None:
        """Return the data set with labels for what tasks are named; None when it was complained of."""
        named = self.tree.get("tasks")
        bodies = list(named.values()) if isinstance(named, Mapping) else []
        labels = [body["label"] for body in bodies if isinstance(body, Mapping) and "label" in body]
        if isinstance(named, list):
            named = [name for item in named for name in ([item] if isinstance(item, str) else item or ())]
        if not named:
            return chosen
        try:
            return self._questions.aimed(
                chosen, [name for name in (*named, *labels) if isinstance(name, str)]
            )
        except UsageError as error:
            self._complain(error.at or ("dataset",), error.message, error.hint)
            return None

    def _own_encoder(self) -> Mapping[str, Any]:
        """Return the encoder that the data set's inputs call for; empty when it was complained of."""
        return self._own(self._questions.encoder)

    def _own_balancer(self) -> Mapping[str, Any]:
        """Return the balancer that the labels of the tasks call for; empty when it was complained of."""
        named = self.tree.get("tasks") or self._own_tasks or ()
        names = [str(next(iter(item), "") if isinstance(item, Mapping) else item) for item in named]
        return self._own(lambda choice: self._questions.balancer(choice, names))

    def _own(self, question: Callable[[Choice], Mapping[str, Any]]) -> Mapping[str, Any]:
        if self._asked is None:
            return {}
        try:
            return question(self._asked)
        except UsageError as error:
            self._complain(error.at or ("dataset",), error.message, error.hint)
            self._asked = None
            return {}

    def _untold(self, example: str) -> tuple[str, str]:
        """Return what is complained of where there are no tasks, and a hint: what the data are."""
        try:
            said = () if self._asked is None else self._questions.understood(self._asked)
        except UsageError as error:
            return error.message, error.hint or example
        if not said:
            return "no tasks are named", example
        return (
            "no tasks are named, and no column of the data can be told",
            f"say what columns are (dataset.columns); understood: {'; '.join(line.strip() for line in said)}",
        )

    @cached_property
    def _own_tasks(self) -> Mapping[str, Any] | None:
        """The tasks that the data set's own labels call for; None when mistakes of it were complained of."""
        if self._asked is None:
            return None
        try:
            return self._questions.tasks(self._asked)
        except UsageError as error:
            self._complain(error.at or ("dataset",), error.message, error.hint)
            self._asked = None
            return None

    def _has_too_many(self, items: Sized, what: str, path: PathOfKeys) -> bool:
        if len(items) > _MOST:
            self._complain(path, f"{len(items):,} {what}; at most {_MOST:,} are read")
        return len(items) > _MOST

    def _tasks_from_list(self, items: list[Any]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for index, item in enumerate(items):
            if isinstance(item, str):
                name, body = item, None
            elif isinstance(item, Mapping) and len(item) == 1:
                name, body = next(iter(item.items()))
            else:
                self._complain(
                    ("tasks", index), f"a task is a name or one `name: {{...}}`, got {_shown(item)}"
                )
                continue
            if name in named:
                self._complain(
                    ("tasks", index),
                    f"task name {name!r} is given twice",
                    f"name one of them differently: {{{name}: {{}}, {name}-2: {{task: {name}}}}}",
                )
            named[name] = body
        return named

    def _task(self, name: str, body: Any) -> TaskChoice | None:
        path: PathOfKeys = ("tasks", name)
        if isinstance(body, str):
            body = {"task": body}
        if body is None:
            body = {}
        if not isinstance(body, Mapping):
            self._complain(path, f"task {name!r} must be a mapping of options, got {_shown(body)}")
            return None
        if len(name) > _LONGEST_NAME or not _TASK_NAME.fullmatch(name):
            self._complain(
                path,
                f"task name {_shown(name)} must be letters, digits, '_' and '-', beginning with a letter, "
                f"{_LONGEST_NAME} at most",
            )
            return None
        if "task" not in body:
            own = self._own_tasks
            if own is None and name not in self.registry.names("task"):
                return None  # a column perhaps, of data that cannot be read
            if own and name not in own and self._is_unknown(name, own, path):
                return None
            body = {**(own or {}).get(name, {}), **body}
        kind = body.get("task", name)
        options = {key: value for key, value in body.items() if key not in _TASK_SECTIONS}
        task = self._resolved("task", kind, options, path) if isinstance(kind, str) else None
        if task is None:
            if not isinstance(kind, str):
                self._complain((*path, "task"), f"task {name!r}: `task` must be a name, got {_shown(kind)}")
            return None
        values: dict[str, Any] = {"task": task}
        for section in _TASK_SECTIONS.values():
            if section.name not in values:
                values[section.name] = self._of_task(section, body, name)
        return TaskChoice(name, **values)

    def _of_task(self, section: Section, body: Mapping[str, Any], task: str) -> Any:
        """Return what a task's own section holds; what is left out or null is for the composer to say."""
        path = ("tasks", task, section.name)
        value = body.get(section.name, section.default)
        if section.kind is None:
            return self._value(section, value, path, f"task {task!r}: {section.name}")
        if section.many:
            return self._choices(section.kind, value, path)
        if isinstance(value, Mapping) and "name" not in value:
            return Choice("", dict(value))  # the composer knows which one is meant
        return None if value is None else self._choice(section.kind, value, path)

    def _is_unknown(self, name: str, own: Mapping[str, Any], path: PathOfKeys) -> bool:
        """Complain of a name that is neither one of the data set's own tasks nor a component's."""
        names = self.registry.names("task")
        if name in names:
            return False
        hint = did_you_mean(name, [*own, *names])
        hint = hint or f"tasks of this data: {', '.join(own)}; mtl list task names others"
        self._complain(path, f"unknown task {_shown(name)}", hint)
        return True

    def _training(self) -> Training:
        value = self.tree.get("train")
        value = {} if value is None else value
        if not isinstance(value, Mapping):
            self._complain(("train",), f"train must be a mapping, got {_shown(value)}")
            return Training()

        def complain(problem: OptionProblem) -> None:
            self._complain(("train", *problem.path), f"train: {problem.message}", problem.hint)

        return read_training(value, self.registry, complain)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
