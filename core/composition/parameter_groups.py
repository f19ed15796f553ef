"""Which parameters are trained how: names that people can write patterns for, and the first match of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from ..base.errors import did_you_mean
from ..contracts import Encoder
from ..discovery.options import OptionProblem
from ..recipe.recipe import GroupRule, Training
from .model import MultitaskModel

HEADS = "heads"
_USUAL = GroupRule(match="*")


@dataclass(frozen=True)
class Setting:
    """How a parameter is trained: its learning rate before the schedule, and its weight decay."""

    learning_rate: float
    weight_decay: float


def public_names(model: MultitaskModel, encoders: Sequence[Encoder]) -> dict[str, str]:
    """Return what patterns see of each parameter, by its name in the model.

    Those of an encoder, wherever a sharing scheme keeps it, are `encoder.` and their name in the encoder (of
    several encoders, the same names); those of a head `heads.TASK.` and their name in the head; the others as
    the model has them.
    """
    return _public(model, encoders, lambda module: module.named_parameters())


def public_state(model: MultitaskModel, encoders: Sequence[Encoder]) -> dict[str, str]:
    """Return what patterns see of each parameter and each buffer, by its name in the model."""
    return _public(model, encoders, lambda module: (*module.named_parameters(), *module.named_buffers()))


def stage_depths(model: MultitaskModel, encoders: Sequence[Encoder]) -> dict[str, int]:
    """Return how many stages, its own included, an encoder's parameter is from the heads, by its name there.

    Stages without parameters are none. What an encoder has outside of its stages counts to the first one.
    """
    depths: dict[int, int] = {}
    for encoder in encoders:
        stages = [found for stage in encoder.stages if (found := list(stage.parameters()))]
        depths |= {id(parameter): len(stages) for parameter in encoder.parameters()}
        for index, stage in enumerate(stages):
            depths |= {id(parameter): len(stages) - index for parameter in stage}
    return {name: depths[id(it)] for name, it in model.named_parameters() if id(it) in depths}


def _public(
    model: MultitaskModel,
    encoders: Sequence[Encoder],
    of: Callable[[nn.Module], Iterable[tuple[str, Tensor]]],
) -> dict[str, str]:
    inside = {id(tensor): f"encoder.{name}" for encoder in encoders for name, tensor in of(encoder)}
    return {name: inside.get(id(tensor)) or _of_head(name, model.tasks) for name, tensor in of(model)}


def _of_head(name: str, tasks: Sequence[str]) -> str:
    part, _, rest = name.partition(".")
    if part != HEADS:
        return name
    index, _, rest = rest.partition(".")
    return f"{HEADS}.{tasks[int(index)]}.{rest}"


def claimed(names: Mapping[str, str], rules: Sequence[GroupRule]) -> dict[str, int]:
    """Return the position of the first rule that matches, by a parameter's name in the model."""
    return {
        name: found
        for name, public in names.items()
        if (found := next((i for i, rule in enumerate(rules) if fnmatchcase(public, rule.match)), None))
        is not None
    }


def problems(names: Mapping[str, str], rules: Sequence[GroupRule]) -> Iterator[OptionProblem]:
    """Yield what is wrong with the groups of a training; paths are those below `train`."""
    taken = claimed(names, rules)
    for index, rule in enumerate(rules):
        path = ("groups", index)
        matched = [name for name, public in names.items() if fnmatchcase(public, rule.match)]
        if not matched:
            message = f"groups: the pattern {rule.match!r} matches no parameter"
            yield OptionProblem((*path, "match"), message, known_names(rule.match, list(names.values())))
        elif index not in {taken[name] for name in matched}:
            first = rules[taken[matched[0]]].match
            message = f"groups: {rule.match!r} claims only parameters that {first!r} before it claims"
            yield OptionProblem(
                (*path, "match"), message, "the first match wins: write the narrower one first"
            )
        if rule.frozen and (rule.learning_rate is not None or rule.weight_decay is not None):
            message = f"groups: {rule.match!r} is frozen: it has no learning rate and no weight decay"
            yield OptionProblem((*path, "frozen"), message, "leave out one or the other")


def freeze(model: nn.Module, names: Mapping[str, str], rules: Sequence[GroupRule]) -> None:
    """Freeze the parameters whose group says so."""
    taken = claimed(names, rules)
    for name, parameter in model.named_parameters():
        if name in taken and rules[taken[name]].frozen:
            parameter.requires_grad_(False)


def settings(
    names: Mapping[str, str],
    training: Training,
    depths: Mapping[str, int] | None = None,
    spared: Set[str] = frozenset(),
) -> dict[str, Setting]:
    """Return how each parameter is trained, by its name in the model.

    `depths` are those of `stage_depths`, for `layer_decay`; `spared` have no weight decay but a group's own.
    """
    taken = claimed(names, training.groups)
    found = {}
    for name in names:
        rule = training.groups[taken[name]] if name in taken else _USUAL
        rate = rule.rate(training.learning_rate)
        if training.layer_decay is not None and not isinstance(rule.learning_rate, float):
            rate *= training.layer_decay ** (depths or {}).get(name, 0)
        decay = 0.0 if name in spared else training.weight_decay
        found[name] = Setting(rate, decay if rule.weight_decay is None else rule.weight_decay)
    return found


def told(
    model: nn.Module, names: Mapping[str, str], rules: Sequence[GroupRule]
) -> tuple[dict[str, Any], ...]:
    """Return, as JSON values, how many numbers each group has, and how many of its matches others claimed."""
    taken = claimed(names, rules)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    found = []
    for index, rule in enumerate(rules):
        matched = [name for name, public in names.items() if fnmatchcase(public, rule.match)]
        own = sum(sizes[name] for name in matched if taken[name] == index)
        before = sum(sizes[name] for name in matched) - own
        found.append(
            {"match": rule.match, "parameters": own, "claimed_before": before, "frozen": rule.frozen}
        )
    return tuple(found)


def known_names(pattern: str, names: Sequence[str]) -> str:
    """Return a hint for a pattern that matches none: the nearest beginnings of names, else some of them."""
    beginnings = [
        f"{'.'.join(parts[:depth])}.*"
        for depth in (1, 2, 3)
        for parts in (name.split(".") for name in names)
        if len(parts) > depth
    ]
    known = list(dict.fromkeys(beginnings))
    return did_you_mean(pattern, known) or f"for example {', '.join(known[:6])}"
