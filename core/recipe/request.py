"""What a user asks for, from flags or from Python, as one merged recipe source: recipe < flags < set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.errors import UsageError, did_you_mean
from ..base.files import reading
from ..discovery.registry import Registry
from .recipe_source import RecipeSource, parse_recipe_text, read_recipe, tasks_by_name
from .recipe_values import usable_from
from .several_runs import refuse_several
from .shipped_recipes import recipe_text

FLAGS = (
    "dataset",
    "data",
    "data_dir",
    "skip_broken",
    "allow_duplicates",
    "encoder",
    "sharing",
    "balancer",
    "balance_on",
    "epochs",
    "seed",
    "precision",
    "deterministic",
    "init_from",
    "tracker",
)
_PATHS = {
    "data": ("dataset", "file"),
    "data_dir": ("dataset", "data_dir"),
    "skip_broken": ("dataset", "skip_broken"),
    "allow_duplicates": ("dataset", "allow_duplicates"),
    "balance_on": ("balancer", "on"),
    "epochs": ("train", "epochs"),
    "precision": ("train", "precision"),
    "deterministic": ("train", "deterministic"),
}


@dataclass(frozen=True)
class Request:
    """A recipe by name or file (or as a mapping), the flags over it, and the assignments over those.

    `tasks` is a list of names, or a mapping as in a recipe. A flag that is None was not given.
    """

    recipe: str | Path | Mapping[str, Any] | None = None
    tasks: Sequence[str] | Mapping[str, Any] | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    assignments: Sequence[str] = ()

    def source(self, registry: Registry) -> RecipeSource:
        """Return the merged values with their origins."""
        source = self._recipe(registry)
        if self.tasks is not None:
            _put_tasks(source, self.tasks)
        flags = {name: self.flags[name] for name in FLAGS if self.flags.get(name) is not None}
        if "data" in flags and "dataset" not in flags:
            _put_reader(source, registry)
        # A data set's folder must follow the data set, whatever the order on the command line.
        for name, value in flags.items():
            _put_flag(source, name, value)
        for assignment in self.assignments:
            source.set(assignment)
        return source

    def _recipe(self, registry: Registry) -> RecipeSource:
        if self.recipe is None:
            return RecipeSource()
        if isinstance(self.recipe, Mapping):
            values = usable_from("recipe", self.recipe)
            return RecipeSource(values, {(key,): f"recipe[{key!r}]" for key in values})
        given: Any = self.recipe
        if not isinstance(given, str | Path):
            kind = type(given).__name__
            raise UsageError(f"a recipe is a name, a file or a mapping, got {kind}", hint="mtl list recipe")
        names = registry.names("recipe")
        if str(self.recipe) in names:
            return parse_recipe_text(recipe_text(registry, str(self.recipe)), str(self.recipe))
        path = Path(self.recipe)
        with reading(path, "a recipe", hint="name a YAML file, or a run folder"):
            path = path / "recipe.yaml" if path.is_dir() else path
            exists = path.exists()
        if not exists:
            refuse_several(Path(self.recipe))
            hint = (
                did_you_mean(str(self.recipe), names)
                or "name a YAML file, a run folder, or one of: mtl list recipe"
            )
            raise UsageError(f"no recipe file or shipped recipe {str(self.recipe)!r}", hint=hint)
        return read_recipe(path)


def _put_tasks(source: RecipeSource, tasks: Sequence[str] | Mapping[str, Any]) -> None:
    if isinstance(tasks, str):
        raise UsageError(f"tasks must be a list of names, got {tasks!r}", hint=f"write {tasks.split(',')}")
    if isinstance(tasks, Mapping):
        source.put(("tasks",), usable_from("tasks", tasks), "tasks")
        return
    listed: Any = tasks
    if not isinstance(listed, Iterable):
        raise UsageError(f"tasks must be a list of names, got {tasks!r}", hint="write ['classify']")
    known = source.tree.get("tasks")
    bodies = tasks_by_name(known) if isinstance(known, list) else known
    bodies = bodies if isinstance(bodies, Mapping) else {}
    # A task that the recipe describes keeps its options; others come with their defaults.
    named = [
        {name: bodies.get(name)} if isinstance(name, str) else usable_from("tasks", name) for name in tasks
    ]
    source.put(("tasks",), named, "--tasks")


def _put_reader(source: RecipeSource, registry: Registry) -> None:
    """Choose the data set that reads a file, unless the recipe's own is given one."""
    known = source.tree.get("dataset")
    names = registry.defaults("dataset", "file")
    if names and not (isinstance(known, Mapping) and (known.get("name") == names[0] or "file" in known)):
        source.put(("dataset",), {"name": names[0]}, "--data")


def _put_flag(source: RecipeSource, name: str, value: Any) -> None:
    if name == "tracker":
        _put_trackers(source, value)
        return
    path = _PATHS.get(name, (name,))
    flag = "--" + name.replace("_", "-")
    if isinstance(value, Mapping):
        source.put(path, usable_from(flag, value), flag)
        return
    known = source.tree.get(name)
    if isinstance(known, Mapping) and known.get("name") == value:
        return  # the recipe chose the same component: its options stay
    source.put(path, usable_from(flag, value), flag)


def _put_trackers(source: RecipeSource, named: str | Sequence[str | Mapping[str, Any]]) -> None:
    """Choose the trackers; one that the recipe describes keeps its options."""
    named = [named] if isinstance(named, str) else named
    known = source.tree.get("trackers")
    described = [item for item in known if isinstance(item, Mapping)] if isinstance(known, list) else []
    by_name = {item.get("name"): item for item in described}
    chosen = [by_name.get(item, item) if isinstance(item, str) else item for item in named]
    source.put(("trackers",), usable_from("--tracker", chosen), "--tracker")
