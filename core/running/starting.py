"""Starts a training from the weights of a run: what is taken, by name, and what stays new.

An encoder is taken whole or refused; a head, a sharing scheme's own weights or the preparation of a vector is
taken where it fits, and is new otherwise. With the weights come the numbers that they were trained on: the
normalisation, and the units of the tasks' values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import UsageError
from ..composition.composer import compose
from ..composition.composition import Composition
from ..composition.narrowing import narrow
from ..composition.pruning import prune
from ..composition.state_names import Part, Place, places
from ..discovery.registry import Registry
from ..folders.run_folder import open_run
from ..recipe.recipe import Recipe
from ..recipe.recipe_source import RecipeSource
from ..recipe.start import InitFrom
from .recomposing import trained

Warn = Callable[[str], None]

START = "start.json"
"""In a run's folder: what it took from another one."""

_WHOLE: tuple[Part, ...] = ("head", "vector")
"""Parts of which it matters later whose were taken."""


@dataclass(frozen=True)
class Taken:
    """What a model took from a run: `keys` are names of its state, `parts` and `fresh` are for people.

    `fresh` says of each part that was not taken why not.
    """

    run: str
    weights: str
    keys: frozenset[str]
    parts: tuple[str, ...]
    fresh: Mapping[str, str]

    def lines(self) -> list[str]:
        """Return what was taken and what is new, line by line."""
        return [
            f"weights from {self.run}: {', '.join(self.parts)}",
            *(f"  new: {part}: {reason}" for part, reason in self.fresh.items()),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, without the names of the state."""
        return {
            "run": self.run,
            "weights": self.weights,
            "taken": list(self.parts),
            "new": dict(self.fresh),
        }


def compose_started(
    recipe: Recipe, registry: Registry, warn: Warn, source: RecipeSource | None = None
) -> tuple[Composition, Taken | None]:
    """Compose a recipe, with the weights of the run that it starts from; return what was taken, or None.

    The recipe of the composition names these weights, and states the numbers that came with them. Raises as
    `compose` does, and `UsageError` when the run is none, is damaged, or does not hold the weights that the
    recipe names; when it was pruned, and is not to be pruned again; when its encoder does not fit, naming the
    first tensor; and when there is nothing to take.
    """
    start = recipe.init_from
    if start is None:
        return compose(recipe, registry, source), None
    folder = open_run(start.run)
    weights = folder.checkpoints.best_digest()
    if start.weights not in (None, weights):
        raise UsageError(
            f"{start.run} does not hold the weights that the recipe starts from: their sum is "
            f"{str(weights)[:12]}..., the recipe's {str(start.weights)[:12]}...",
            hint="name the run that they were of; without init_from.weights those of this one are taken",
        )
    old = trained(folder, registry, warn)
    before = old.recipe.init_from
    was_pruned = before is not None and before.prune is not None
    if before is not None and was_pruned and start.prune is None:
        raise UsageError(
            f"{folder.path} was pruned: its encoder is narrower than any recipe builds, and no other "
            "training starts from it",
            hint=f"start from the run that it was pruned from, {before.run}, and prune the result with mtl "
            "prune; a pruned run itself can be trained on (mtl resume --epochs N) and pruned further",
        )
    recipe = replace(recipe, init_from=InitFrom(folder.path, weights, start.prune))
    # One encoder is the start of all: none needs other weights, which may not be at hand.
    composition = compose(recipe, registry, source, starts=len(old.encoders) > 1)
    origins = tuple(dict.fromkeys((*old.origins, *composition.origins)))
    composition = replace(composition, origins=origins)
    if start.prune is None:
        return _take(old, composition, str(folder.path), str(weights))
    # What was pruned before is narrower than the recipe says.
    if was_pruned:
        narrow(composition.model, old.model.state_dict())
    found = _take(old, composition, str(folder.path), str(weights))
    prune(composition, start.prune)
    return found


def _take(old: Composition, composition: Composition, run: str, weights: str) -> tuple[Composition, Taken]:
    """Give a new model the weights of an old one, by name, and the numbers that they were trained on."""
    had, wanted = places(old), places(composition)
    found = _Match(old, composition, had, wanted)
    found.refuse_misfits(run)
    keys = found.taken()
    source, target = old.model.state_dict(), composition.model.state_dict()
    with torch.no_grad():
        for key, other in keys.items():
            target[key].copy_(source[other])
    owners = {part: {wanted[key].owner for key in keys if wanted[key].part == part} for part in _WHOLE}
    taken = Taken(run, weights, frozenset(keys), found.parts(keys), dict(found.fresh(keys)))
    return _with_numbers(old, composition, owners), taken


def _with_numbers(
    old: Composition, composition: Composition, owners: Mapping[Part, Set[int | str]]
) -> Composition:
    """Return a composition in the normalisation, and the units of the heads, that were taken along."""
    recipe = composition.recipe
    mine, other = composition.model.normalization, old.model.normalization
    if recipe.normalization == "train" and old.dataset_spec.image and _same_form(mine, other):
        mine.load_state_dict(other.state_dict())
        recipe = replace(recipe, normalization=_statistics(mine))
    tasks = []
    for choice in recipe.tasks:
        units = composition.model.standardization(choice.name)
        known = old.model.standardization(choice.name) if choice.name in old.tasks else None
        along = units is not None and known is not None and _same_form(units, known)
        if choice.standardize == "train" and choice.name in owners["head"] and along:
            units.load_state_dict(known.state_dict())  # type: ignore[union-attr]
            choice = replace(choice, standardize=_statistics(units))
        tasks.append(choice)
    prepared = frozenset(str(owner) for owner in owners["vector"])
    return replace(composition, recipe=replace(recipe, tasks=tuple(tasks)), prepared=prepared)


def _same_form(one: nn.Module, other: nn.Module) -> bool:
    return {name: _form(value) for name, value in one.state_dict().items()} == {
        name: _form(value) for name, value in other.state_dict().items()
    }


def _statistics(module: Any) -> dict[str, tuple[float, ...]]:
    return {
        name: tuple(tensor.flatten().tolist())
        for name, tensor in (("mean", module.mean), ("std", module.std))
    }


class _Match:
    """Which tensor of an old model is which of a new one."""

    def __init__(
        self, old: Composition, new: Composition, had: Mapping[str, Place], wanted: Mapping[str, Place]
    ) -> None:
        self._old, self._new, self._wanted = old, new, wanted
        self._sources = {key: old.model.state_dict()[key] for key in had}
        self._targets = new.model.state_dict()
        self._by_place = {place: key for key, place in had.items()}
        # Other options may be other shapes, which are looked at one by one.
        same = old.recipe.sharing.name == new.recipe.sharing.name
        tasks, others = tuple(new.tasks), tuple(old.tasks)
        # Tasks that are added at the end leave the places of the others as they are.
        self._direct = same and tasks[: len(others)] == others
        self._encoders = self._pairs(same)

    def _pairs(self, same: bool) -> dict[int, int]:
        """Return which encoder of the old model is taken for each of the new one that has one."""
        had, wanted = len(self._old.encoders), len(self._new.encoders)
        if had == 1:
            return dict.fromkeys(range(wanted), 0)
        tasks, others = tuple(self._new.tasks), tuple(self._old.tasks)
        if same and had == len(others) and wanted == len(tasks):
            return {i: others.index(task) for i, task in enumerate(tasks) if task in others}
        if had == wanted:
            return {i: i for i in range(wanted)}
        return {}

    def source(self, key: str) -> str | None:
        """Return the old tensor for one of the new model, whatever its shape; None where there is none."""
        place = self._wanted[key]
        if self._direct and key.startswith("sharing.") and key in self._sources:
            return key
        if place.part == "encoder":
            assert isinstance(place.owner, int)
            if self._direct and len(self._old.encoders) > 1:
                return None  # an encoder of a new task's own
            owner = self._encoders.get(place.owner)
            return None if owner is None else self._by_place.get(replace(place, owner=owner))
        return self._by_place.get(place) if place.part in ("head", "vector") else None

    def refuse_misfits(self, run: str) -> None:
        """Raise `UsageError` when it cannot be told which encoder is whose, or one does not fit."""
        mine = self._of("encoder")
        if not self._encoders and not self._direct:
            raise UsageError(
                f"{run} has {len(self._old.encoders)} encoders, this model {len(self._new.encoders)}: which "
                "is whose cannot be told",
                hint="choose its sharing scheme and tasks, or start from a run with one encoder for all",
            )
        wanted = [key for key in mine if self._owner_is_taken(key)]
        wrong = [key for key in wanted if not self._fits(key)]
        if wrong:
            raise UsageError(
                f"the encoder of {run} does not fit: {len(wanted) - len(wrong)} of {len(wanted)} tensors do; "
                f"{self._wanted[wrong[0]].shown} {self._shapes(wrong[0])}",
                hint=f"it is of --encoder {self._old.recipe.encoder.name}, with the options that stand in "
                f"{run}/recipe.yaml",
            )

    def _owner_is_taken(self, key: str) -> bool:
        owner = self._wanted[key].owner
        if self._direct and len(self._old.encoders) > 1:
            return self.source(key) is not None
        return owner in self._encoders

    def _of(self, *parts: Part) -> list[str]:
        return [key for key, place in self._wanted.items() if place.part in parts]

    def _fits(self, key: str) -> bool:
        source = self.source(key)
        return source is not None and _form(self._sources[source]) == _form(self._targets[key])

    def _shapes(self, key: str) -> str:
        source = self.source(key)
        there = "is not there" if source is None else f"is {list(self._sources[source].shape)} there"
        return f"{there}, {list(self._targets[key].shape)} here"

    def taken(self) -> dict[str, str]:
        """Return the old tensor for each of the new model that is taken: those of whole parts."""
        found: dict[str, str] = {}
        for keys in self._groups().values():
            if all(self._fits(key) for key in keys):
                found |= {key: str(self.source(key)) for key in keys}
        return found

    def parts(self, keys: Mapping[str, str]) -> tuple[str, ...]:
        """Return what the parts that are taken are called."""
        return tuple(name for name, own in self._groups().items() if own[0] in keys)

    def fresh(self, keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the parts that are new, and why."""
        for name, own in self._groups().items():
            if own[0] in keys:
                continue
            if all(self.source(key) is None for key in own):
                owner = self._wanted[own[0]].owner
                other = self._wanted[own[0]].part == "head" and owner in self._old.tasks
                yield name, "the run's is another kind of head" if other else "not in the run"
                continue
            wrong = next(key for key in own if not self._fits(key))
            yield name, f"does not fit: {self._wanted[wrong].shown} {self._shapes(wrong)}"

    def _groups(self) -> dict[str, list[str]]:
        """Return the tensors of each part that is taken as a whole, by what it is called."""
        count = len(self._new.encoders)
        found: dict[str, list[str]] = {}
        for key in self._of("encoder", "head", "vector", "sharing"):
            place = self._wanted[key]
            name = {
                "encoder": "encoder"
                if count == 1
                else f"encoder {int(place.owner) + 1}"
                if isinstance(place.owner, int)
                else "",
                "head": f"head of {place.owner!r}",
                "vector": f"preparation of {place.owner!r}",
            }.get(place.part, place.name)
            found.setdefault(name, []).append(key)
        return found


def _form(tensor: Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype
