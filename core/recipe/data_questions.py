"""What a recipe leaves open and its data set answers: tasks, labels, the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contracts import Dataset
from ..discovery.declared import ask, require_declared
from ..discovery.registry import Entry, Registry, component_class
from ..discovery.responsibility import Owners
from .building import construct, with_held
from .recipe import Choice
from .recipe_source import RecipeSource


@dataclass(frozen=True)
class AskedData:
    """A data set that was constructed for a choice, and the components by which its faults are told."""

    choice: Choice
    entry: Entry
    dataset: Dataset
    owners: Owners

    def ask(self, method: str, doing: str, *arguments: Any) -> Any:
        """Return what a method answers; what it raises is told as `doing`."""
        with self.owners.at_work(doing):
            return ask(self.entry.label, self.dataset, method, *arguments)


class DataQuestions:
    """Asks the data set of a recipe what the recipe leaves open.

    Most data sets have no answers, and are not constructed. One that has is constructed once and left in the
    recipe's source for who composes it, so that its files are read once. Each question raises what the data
    set raises for files that are missing or damaged.
    """

    def __init__(self, registry: Registry, source: RecipeSource) -> None:
        self._registry = registry
        self._source = source

    def tasks(self, choice: Choice) -> Mapping[str, Any]:
        """Return the tasks that its own labels call for, by name, each as a recipe writes it."""
        if not self._answers(choice, "tasks"):
            return {}
        found = self._asked(choice).ask("tasks", "when it named its tasks")
        return {str(name): dict(body) for name, body in found.items()}

    def understood(self, choice: Choice) -> Sequence[str]:
        """Return what one with tasks of its own made of its files; nothing of others."""
        if not self._answers(choice, "tasks"):
            return ()
        lines: Sequence[str] = self._asked(choice).ask("understood", "when it said what it understood")
        return lines

    def aimed(self, choice: Choice, tasks: Sequence[str]) -> Choice:
        """Return it with the options that make its labels what tasks ask for (`Dataset.aimed`)."""
        if not self._answers(choice, "aimed"):
            return choice
        asked = self._asked(choice)
        options = asked.ask("aimed", "when it was told of the tasks", list(tasks))
        if not options:
            return choice
        aimed = Choice(choice.name, {**choice.options, **options})
        now = _constructed(self._registry, aimed)
        self._source.asked = replace(now, dataset=now.dataset.succeed(asked.dataset))
        return aimed

    def encoder(self, choice: Choice) -> Mapping[str, Any]:
        """Return the encoder that its inputs call for; empty: the usual one."""
        if not self._answers(choice, "encoder"):
            return {}
        named: str | None = self._asked(choice).ask("encoder", "when it named its encoder")
        return {} if named is None else {"name": named}

    def balancer(self, choice: Choice, tasks: Sequence[str]) -> Mapping[str, Any]:
        """Return the balancer that its labels call for where these are the tasks; empty: the usual one."""
        if not self._answers(choice, "balancer"):
            return {}
        return dict(self._asked(choice).ask("balancer", "when it named its balancer", list(tasks)))

    def _answers(self, choice: Choice, method: str) -> bool:
        component = component_class(self._registry.find("dataset", choice.name))
        return getattr(component, method) is not getattr(Dataset, method)

    def _asked(self, choice: Choice) -> AskedData:
        kept = self._source.asked
        if kept is None or kept.choice != choice:
            kept = self._source.asked = _constructed(self._registry, choice)
        return kept


def _constructed(registry: Registry, choice: Choice) -> AskedData:
    entry = registry.find("dataset", choice.name)
    owners = Owners()
    dataset: Dataset = construct(entry, **with_held(registry, entry, choice.options, owners))
    owners.add(type(dataset), entry.label)
    require_declared(entry.label, dataset)
    return AskedData(choice, entry, dataset, owners)
