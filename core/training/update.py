"""One update of the parameters from their gradients, as the recipe's `train` section says.

Gradients of several batches are averaged (`accumulate`), made smaller together (`clip`) and given to the
rules of the optimizer; a running mean of the weights (`ema`) follows. Nothing is read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..base.importing import brief_imports
from ..composition.composition import Composition
from ..composition.parameter_groups import Setting
from ..contracts import Optimizer, ParameterGroup
from .average import Average
from .blocks import CARD_LONGEST
from .fused_rule import FusedRule
from .guarded_rule import GuardedRule


class _Part(NamedTuple):
    """A group of an optimizer, its rate before the schedule, and whether that is read on the device."""

    group: ParameterGroup
    rate: float
    replayed: bool


class Update:
    """Updates parameters from their `grad` fields; frozen ones and those without one stay as they are.

    `groups` are the optimizer's, with learning rates before the schedule; `clipped` are the parameters whose
    gradients together are to be no longer than `clip`.
    """

    def __init__(
        self,
        groups: Sequence[ParameterGroup],
        optimizer: Optimizer,
        *,
        clip: float | None = None,
        clipped: Sequence[Tensor] = (),
        accumulate: int = 1,
        average: Average | None = None,
    ) -> None:
        self._parameters: list[Tensor] = [item for group in groups for item in group["params"]]
        self._rules: list[FusedRule | GuardedRule] = []
        self._parts: list[_Part] = []
        self._clip, self._clipped = clip, clipped
        self._accumulate = accumulate
        self._held: list[Tensor | None] = []
        self._batches = 0
        self.average = average
        self.kinds: list[type[torch.optim.Optimizer]] = []
        device = self._parameters[0].device if self._parameters else torch.device("cpu")
        # The first optimizer of torch brings in its compiler.
        with brief_imports():
            made = optimizer.build(groups) if groups else ()
        for built in made:
            fused = FusedRule.serves(built)
            replayed = device.type == "cuda" and (fused or optimizer.capturable)
            for group in built.param_groups:
                self._parts.append(_Part(group, float(group["lr"]), replayed))
                if "capturable" in group and not fused:
                    group["capturable"] = replayed
            self._rules.append(FusedRule(built) if fused else GuardedRule(built))
            self.kinds.append(type(built))
        self.capturable = optimizer.capturable or all(isinstance(rule, FusedRule) for rule in self._rules)
        # On CUDA one tensor a step of a block, so that captured steps read the rates of the block at hand.
        self._rates = torch.zeros(len(self._parts), CARD_LONGEST, device=device)
        self._of_block: tuple[float, ...] = ()
        self._factors: tuple[float, ...] = ()
        self._step = 0
        self.begin_block([1.0] * CARD_LONGEST)

    def begin_block(self, factors: Sequence[float]) -> None:
        """Set what the learning rates are multiplied by in each of the next steps, at most `CARD_LONGEST`."""
        self._of_block = tuple(factors)
        self.begin_part(0, len(factors))

    def begin_part(self, start: int, stop: int) -> None:
        """Let some of the block's steps come next, as if they were a block by themselves."""
        factors = self._of_block[start:stop]
        self._step = 0
        if factors == self._factors:
            return
        self._factors = factors
        if self._rates.device.type == "cuda":
            values = [[part.rate * factor for factor in factors] for part in self._parts]
            self._rates[:, : len(factors)].copy_(torch.tensor(values).view(len(values), len(factors)))

    def forget_gradients(self) -> None:
        """Drop all gradients, so that the next backward pass need not add to them."""
        for parameter in self._parameters:
            parameter.grad = None

    def abandon(self) -> None:
        """Drop what steps left that did not come to their end: gradients, and those kept of a run."""
        self.forget_gradients()
        self._held, self._batches = [], 0

    def __call__(self, skip: Tensor, *, closes: bool = True) -> None:
        """Update once; where `skip` (a scalar) is 1 nothing changes, without reading it back.

        Without `closes` the gradients are only kept, for the update that closes a run of batches.
        """
        self._set_rates()
        if self._accumulate > 1:
            self._hold()
            if not closes:
                return
            self._give()
        if self._clip is not None:
            torch.nn.utils.clip_grad_norm_(self._clipped, self._clip)
        for rule in self._rules:
            rule(skip)
        if self.average is not None:
            self.average(skip)

    def tensors(self) -> dict[str, Tensor]:
        """Return the state as named tensors, as `torch.optim` numbers them."""
        numbers = {id(parameter): index for index, parameter in enumerate(self._parameters)}
        return {
            f"{numbers[id(parameter)]}.{name}": tensor
            for rule in self._rules
            for parameter, name, tensor in rule.state()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `tensors` returned; what is not there starts anew."""
        values = {}
        for key, value in tensors.items():
            index, _, name = key.partition(".")
            values[id(self._parameters[int(index)]), name] = value
        for rule in self._rules:
            rule.load(values)

    def _set_rates(self) -> None:
        step = self._step % len(self._factors)
        self._step += 1
        for index, part in enumerate(self._parts):
            part.group["lr"] = self._rates[index, step] if part.replayed else part.rate * self._factors[step]

    @torch.no_grad()
    def _hold(self) -> None:
        gradients = [parameter.grad for parameter in self._parameters]
        if self._batches == 0:
            self._held = gradients
        else:
            self._held = [
                old if new is None else new if old is None else old + new
                for old, new in zip(self._held, gradients, strict=True)
            ]
        self._batches += 1

    @torch.no_grad()
    def _give(self) -> None:
        """Leave the mean of the gradients that were kept in the parameters."""
        for parameter, held in zip(self._parameters, self._held, strict=True):
            parameter.grad = None if held is None else held / self._batches
        self._held, self._batches = [], 0


def update_of(composition: Composition) -> Update:
    """Return the update of a composition's model and of its balancer's own parameters."""
    training, parts, model = composition.recipe.train, composition.training, composition.model
    update = Update(
        _groups(model, composition.balancer.parameters(), parts.settings, training.learning_rate),
        parts.optimizer,
        clip=training.clip,
        clipped=[parameter for parameter in model.parameters() if parameter.requires_grad],
        accumulate=training.accumulate,
        average=None if training.ema is None else Average(model, training.ema),
    )
    label = composition.owners.label(parts.optimizer)
    for kind in update.kinds:
        # A plugin's own optimizer class fails in the name of the component that built it.
        if label is not None and not kind.__module__.startswith("torch."):
            composition.owners.add(kind, label)
    return update


def _groups(
    model: nn.Module, own: Iterable[nn.Parameter], settings: Mapping[str, Setting], rate: float
) -> list[ParameterGroup]:
    """Return the parameters to be trained in groups of one setting; the balancer's own are never decayed."""
    wanted = [(parameter, settings[name]) for name, parameter in model.named_parameters()]
    wanted += [(parameter, Setting(rate, 0.0)) for parameter in own]
    found: dict[Setting, list[nn.Parameter]] = {}
    for parameter, setting in wanted:
        if parameter.requires_grad:
            found.setdefault(setting, []).append(parameter)
    return [
        {"params": parameters, "lr": setting.learning_rate, "weight_decay": setting.weight_decay}
        for setting, parameters in found.items()
    ]
