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
Names = Mapping[str, tuple[str, ...]]
"""What patterns see of each parameter, by its name in the model: of a tied one, every name that it has."""
_USUAL = GroupRule(match="*")


@dataclass(frozen=True)
class Setting:
    """How a parameter is trained: its learning rate before the schedule, and its weight decay."""

    learning_rate: float
    weight_decay: float


def public_names(model: MultitaskModel, encoders: Sequence[Encoder]) -> Names:
    """Return what patterns see of each parameter, by its name in the model.

    Those of an encoder, wherever a sharing scheme keeps it, are `encoder.` and their name in the encoder (of
    several encoders, the same names); those of a head `heads.TASK.` and their name in the head; the others as
    the model has them.
    """
    return _public(model, encoders, _parameters)


def public_state(model: MultitaskModel, encoders: Sequence[Encoder]) -> Names:
    """Return what patterns see of each parameter and each buffer, by its name in the model."""
    return _public(
        model,
        encoders,
        lambda module: (*_parameters(module), *module.named_buffers(remove_duplicate=False)),
    )


def own_names(model: nn.Module) -> Names:
    """Return the model's own names of each parameter and each buffer, by the first of them."""
    tensors = (*_parameters(model), *model.named_buffers(remove_duplicate=False))
    return {names[0]: tuple(names) for names in _by_tensor(tensors).values()}


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


def _parameters(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    return module.named_parameters(remove_duplicate=False)


def _public(
    model: MultitaskModel,
    encoders: Sequence[Encoder],
    of: Callable[[nn.Module], Iterable[tuple[str, Tensor]]],
) -> Names:
    inside = _by_tensor((f"encoder.{name}", tensor) for encoder in encoders for name, tensor in of(encoder))
    found = {}
    for tensor, names in _by_tensor(of(model)).items():
        in_heads = [_of_head(name, model.tasks) for name in names if name.startswith(f"{HEADS}.")]
        found[names[0]] = (*inside.get(tensor, ()), *in_heads) or tuple(names)
    return found


def _by_tensor(named: Iterable[tuple[str, Tensor]]) -> dict[int, list[str]]:
    """Return the names of each tensor, by its identity, in their order and each once."""
    found: dict[int, list[str]] = {}
    for name, tensor in named:
        known = found.setdefault(id(tensor), [])
        if name not in known:
            known.append(name)
    return found


def _of_head(name: str, tasks: Sequence[str]) -> str:
    _, index, rest = name.split(".", 2)
    return f"{HEADS}.{tasks[int(index)]}.{rest}"


def matches(pattern: str, names: Sequence[str]) -> bool:
    """Return whether a pattern matches one of the names of a parameter."""
    return any(fnmatchcase(name, pattern) for name in names)


def claimed(names: Names, rules: Sequence[GroupRule]) -> dict[str, int]:
    """Return the position of the first rule that matches, by a parameter's name in the model."""
    return {
        name: found
        for name, public in names.items()
        if (found := next((i for i, rule in enumerate(rules) if matches(rule.match, public)), None))
        is not None
    }


def problems(names: Names, rules: Sequence[GroupRule]) -> Iterator[OptionProblem]:
    """Yield what is wrong with the groups of a training; paths are those below `train`."""
    taken = claimed(names, rules)
    for index, rule in enumerate(rules):
        path = ("groups", index)
        matched = [name for name, public in names.items() if matches(rule.match, public)]
        if not matched:
            message = f"groups: the pattern {rule.match!r} matches no parameter"
            yield OptionProblem((*path, "match"), message, known_names(rule.match, names))
        elif index not in {taken[name] for name in matched}:
            first = rules[taken[matched[0]]].match
            message = f"groups: {rule.match!r} claims only parameters that {first!r} before it claims"
            yield OptionProblem(
                (*path, "match"), message, "the first match wins: write the narrower one first"
            )
        if rule.frozen and (rule.learning_rate is not None or rule.weight_decay is not None):
            message = f"groups: {rule.match!r} is frozen: it has no learning rate and no weight decay"
            yield OptionProblem((*path, "frozen"), message, "leave out one or the other")


def freeze(model: nn.Module, names: Names, rules: Sequence[GroupRule]) -> None:
    """Freeze the parameters whose group says so."""
    taken = claimed(names, rules)
    for name, parameter in model.named_parameters():
        if name in taken and rules[taken[name]].frozen:
            parameter.requires_grad_(False)


def settings(
    names: Names,
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


def told(model: nn.Module, names: Names, rules: Sequence[GroupRule]) -> tuple[dict[str, Any], ...]:
    """Return, as JSON values, how many numbers each group has, and how many of its matches others claimed."""
    taken = claimed(names, rules)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    found = []
    for index, rule in enumerate(rules):
        matched = [name for name, public in names.items() if matches(rule.match, public)]
        own = sum(sizes[name] for name in matched if taken[name] == index)
        before = sum(sizes[name] for name in matched) - own
        found.append(
            {"match": rule.match, "parameters": own, "claimed_before": before, "frozen": rule.frozen}
        )
    return tuple(found)


def known_names(pattern: str, names: Names) -> str:
    """Return a hint for a pattern that matches none: the nearest beginnings of names, else some of them."""
    beginnings = [
        f"{'.'.join(parts[:depth])}.*"
        for depth in (1, 2, 3)
        for parts in (name.split(".") for public in names.values() for name in public)
        if len(parts) > depth
    ]
    known = list(dict.fromkeys(beginnings))
    return did_you_mean(pattern, known) or f"for example {', '.join(known[:6])}"
