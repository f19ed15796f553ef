"""Steps of torch's Adam, AdamW and SGD by their fused kernels alone, skippable on the device.

What an optimizer object does around a kernel in every step (collecting its lists anew, counting steps
parameter by parameter) is done once: for small models that is most of its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


class FusedRule:
    """Updates the parameters of an optimizer from their `grad` fields; those without one stay as they are."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._groups = [_FusedGroup(type(optimizer), group) for group in optimizer.param_groups]

    @staticmethod
    def serves(optimizer: torch.optim.Optimizer) -> bool:
        """Return whether the kernels do what the optimizer does."""
        unusual = ("amsgrad", "maximize", "differentiable", "dampening")
        return type(optimizer) in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD) and not any(
            group.get(name) for group in optimizer.param_groups for name in unusual
        )

    def __call__(self, skip: Tensor) -> None:
        """Update once; where `skip` (a scalar) is 1 nothing changes, without reading it back."""
        for group in self._groups:
            group(skip)

    def state(self) -> Iterator[tuple[Tensor, str, Tensor]]:
        """Yield every tensor that is remembered: its parameter, its name, itself."""
        for group in self._groups:
            yield from group.state()

    def load(self, values: Mapping[tuple[int, str], Tensor]) -> None:
        """Restore what `state` yielded, by the parameter's `id` and the name; the rest starts anew."""
        for parameter, name, tensor in self.state():
            key = (id(parameter), name)
            if key in values:
                tensor.copy_(values[key])
            else:
                tensor.zero_()


class _FusedGroup:
    """One group of an optimizer: its settings are read in every step, its lists are made once."""

    def __init__(self, kind: type[torch.optim.Optimizer], group: dict[str, Any]) -> None:
        self._kind, self._group = kind, group
        self._parameters: list[Tensor] = group["params"]
        # Zeros like the parameter, in its memory format: the kernels walk through memory, not through shapes.
        self._moments = {
            name: [torch.zeros_like(item) for item in self._parameters] for name in _moments_of(kind, group)
        }
        # Counted per parameter, since one may get no gradient in some steps; kept in one tensor.
        self._steps = torch.zeros(len(self._parameters), device=self._parameters[0].device)
        self._step_views = list(self._steps.unbind())

    def state(self) -> Iterator[tuple[Tensor, str, Tensor]]:
        for name, moments in self._moments.items():
            for parameter, moment in zip(self._parameters, moments, strict=True):
                yield parameter, name, moment
        for parameter, step in zip(self._parameters, self._step_views, strict=True):
            yield parameter, "step", step

    @torch.no_grad()
    def __call__(self, skip: Tensor) -> None:
        gradients = [parameter.grad for parameter in self._parameters]
        if all(gradient is not None for gradient in gradients):
            self._steps.add_(1.0).sub_(skip)
            self._apply(list(range(len(gradients))), gradients, skip)
            return
        chosen = [index for index, gradient in enumerate(gradients) if gradient is not None]
        for index in chosen:
            self._step_views[index].add_(1.0).sub_(skip)
        if chosen:
            self._apply(chosen, [gradients[index] for index in chosen], skip)

    def _apply(self, chosen: list[int], given: list[Tensor | None], skip: Tensor) -> None:
        parameters = [self._parameters[index] for index in chosen]
        gradients = [_laid_out(grad, like) for grad, like in zip(given, parameters, strict=True)]
        moments = [[kept[index] for index in chosen] for kept in self._moments.values()]
        group = self._group
        if self._kind is torch.optim.SGD:
            # A buffer of zeros gives the first step torch's: the gradient itself.
            torch._fused_sgd_(
                parameters,
                gradients,
                moments[0] if moments else [],
                weight_decay=group["weight_decay"],
                momentum=group["momentum"],
                lr=group["lr"],
                dampening=0.0,
                nesterov=group["nesterov"],
                maximize=False,
                is_first_step=False,
                found_inf=skip,
            )
            return
        kernel = torch._fused_adamw_ if self._kind is torch.optim.AdamW else torch._fused_adam_
        kernel(
            parameters,
            gradients,
            moments[0],
            moments[1],
            [],
            [self._step_views[index] for index in chosen],
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
            found_inf=skip,
        )


def _moments_of(kind: type[torch.optim.Optimizer], group: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of what the rule remembers of every parameter."""
    if kind is torch.optim.SGD:
        return ("momentum_buffer",) if group["momentum"] else ()
    return ("exp_avg", "exp_avg_sq")


def _laid_out(gradient: Tensor | None, parameter: Tensor) -> Tensor:
    """Return the gradient in the parameter's memory layout, which the fused kernels take for granted."""
    assert gradient is not None
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
