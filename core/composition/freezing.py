"""What stays as it is in training: parameters by the patterns of `train.freeze`, and statistics of layers.

Names are those of `parameter_groups`, or the model's own (`sharing.encoders.0.*`), which tell encoders apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..discovery.options import OptionProblem
from ..recipe.recipe import Training
from .parameter_groups import Names, known_names, matches, own_names

_STATISTICS = "running_mean"
"""The buffer of a layer that keeps statistics over batches, as torch's own layers call it."""


@dataclass(frozen=True)
class Freezing:
    """The frozen parameters by their names in the model, and the layers whose statistics stay.

    After `until` epochs they are trained like all others; None: never. A parameter that is never trained
    wants no gradient from the start, so `parameters` are then frozen for whoever looks at the model.
    """

    parameters: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    until: int | None = None

    def acts(self, epoch: int) -> bool:
        """Return whether anything is frozen in an epoch, counted from 1."""
        return bool(self.parameters or self.layers) and (self.until is None or epoch <= self.until)

    def ends_before(self, epoch: int) -> bool:
        """Return whether this is the first epoch in which what was frozen is trained."""
        return self.until is not None and epoch == self.until + 1

    @contextmanager
    def in_epoch(self, model: nn.Module, epoch: int) -> Iterator[None]:
        """Put a model into training mode, with what is frozen in the epoch as it is, in this block.

        A layer whose statistics stay computes with them, as in evaluation.
        """
        model.train()
        if not self.acts(epoch):
            yield
            return
        for name in self.layers:
            model.get_submodule(name).eval()
        held = [model.get_parameter(name) for name in self.parameters]
        held = [parameter for parameter in held if parameter.requires_grad]
        for parameter in held:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in held:
                parameter.requires_grad_(True)

    def told(self, model: nn.Module) -> dict[str, Any] | None:
        """Return, as JSON values, how much is frozen and for how long; None where nothing is."""
        if not self.acts(1):
            return None
        numbers = sum(model.get_parameter(name).numel() for name in self.parameters)
        return {"parameters": numbers, "layers": len(self.layers), "until": self.until}


def freezing(model: nn.Module, names: Names, training: Training) -> Freezing:
    """Return what a training freezes, and freeze at once what is never trained.

    `names` are the public ones of the model's parameters and buffers.
    """
    seen = seen_by_freeze(model, names)

    def matched(name: str) -> bool:
        return any(matches(pattern, seen[name]) for pattern in training.freeze)

    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module._buffers.get(_STATISTICS), Tensor) and matched(f"{name}.{_STATISTICS}")
    ]
    parameters = [name for name, _ in model.named_parameters() if matched(name)]
    found = Freezing(tuple(parameters), tuple(layers), training.unfreeze_after)
    if found.until is None:
        for name in parameters:
            model.get_parameter(name).requires_grad_(False)
    return found


def problems(model: nn.Module, names: Names, training: Training) -> Iterator[OptionProblem]:
    """Yield what is wrong with what is to be frozen; paths are those below `train`."""
    seen = seen_by_freeze(model, names)
    for index, pattern in enumerate(training.freeze):
        if not any(matches(pattern, found) for found in seen.values()):
            message = f"freeze: the pattern {pattern!r} matches no parameter"
            yield OptionProblem(("freeze", index), message, known_names(pattern, names))
    until = training.unfreeze_after
    if until is None:
        return
    if not training.freeze:
        message = "unfreeze_after: freeze names nothing that could be trained later"
        yield OptionProblem(("unfreeze_after",), message, "name what is frozen, as freeze: ['encoder.*']")
    if until >= training.epochs:
        message = f"unfreeze_after: {until} leaves no epoch of {training.epochs} to train what was frozen"
        hint = "train longer, or leave unfreeze_after out: what is frozen then stays so"
        yield OptionProblem(("unfreeze_after",), message, hint)


def lasting(until: int | None) -> str:
    """Return for how long something is frozen, as a message goes on; "" where it stays so.

    >>> lasting(1), lasting(3), lasting(None)
    (' for an epoch', ' for 3 epochs', '')
    """
    if until is None:
        return ""
    return " for an epoch" if until == 1 else f" for {until} epochs"


def all_frozen(model: nn.Module, parameters: Sequence[str]) -> bool:
    """Return whether nothing is left to train while these are frozen too."""
    held = set(parameters)
    return not any(it.requires_grad and name not in held for name, it in model.named_parameters())


def seen_by_freeze(model: nn.Module, names: Names) -> Names:
    """Return what the patterns of `freeze` see, by each name in the model: the public names and its own."""
    own = own_names(model)
    return {name: (*public, *own[first]) for first, public in names.items() for name in own[first]}
