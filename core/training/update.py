"""The recipe's update rule as one fused kernel over all parameters, skippable on the device.

The kernels are those of `torch.optim`'s fused optimizers; what an optimizer object does around them in
every step (collecting its lists anew, counting steps parameter by parameter) is done once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..recipe import Training

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class Update:
    """Updates parameters from their `grad` fields; frozen ones and those without one stay as they are."""

    def __init__(self, parameters: Iterable[nn.Parameter], training: Training) -> None:
        self._parameters: list[Tensor] = [item for item in parameters if item.requires_grad]
        self._training = training
        self._names = _moments_of(training)
        # Zeros like the parameter, in its memory format: the kernels walk through memory, not through shapes.
        self._moments = {name: [torch.zeros_like(item) for item in self._parameters] for name in self._names}
        device = self._parameters[0].device if self._parameters else torch.device("cpu")
        # Counted per parameter, since one may get no gradient in some steps; kept in one tensor.
        self._steps = torch.zeros(len(self._parameters), device=device)
        self._step_views = list(self._steps.unbind())
        # On CUDA a tensor, so that a captured step reads the rate of its epoch.
        rate = training.learning_rate
        self.rate: float | Tensor = torch.tensor(rate, device=device) if device.type == "cuda" else rate

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the steps to come."""
        if isinstance(self.rate, Tensor):
            self.rate.fill_(rate)
        else:
            self.rate = rate

    def forget_gradients(self) -> None:
        """Drop all gradients, so that the next backward pass need not add to them."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def __call__(self, skip: Tensor) -> None:
        """Update once; where `skip` (a scalar) is 1 nothing changes, without reading it back."""
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

    def tensors(self) -> dict[str, Tensor]:
        """Return the state as named tensors, as `torch.optim` numbers them."""
        named = {
            f"{index}.{name}": moment
            for name, moments in self._moments.items()
            for index, moment in enumerate(moments)
        }
        return named | {f"{index}.step": step for index, step in enumerate(self._step_views)}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `tensors` returned; what is not there starts anew."""
        for name, tensor in self.tensors().items():
            if name in tensors:
                tensor.copy_(tensors[name])
            else:
                tensor.zero_()

    def _apply(self, chosen: list[int], given: list[Tensor | None], skip: Tensor) -> None:
        parameters = [self._parameters[index] for index in chosen]
        gradients = [_laid_out(grad, like) for grad, like in zip(given, parameters, strict=True)]
        moments = [[kept[index] for index in chosen] for kept in self._moments.values()]
        training = self._training
        rate: Any = self.rate
        if training.optimizer == "sgd":
            # A buffer of zeros gives the first step torch's: the gradient itself.
            torch._fused_sgd_(
                parameters,
                gradients,
                moments[0] if moments else [],
                weight_decay=training.weight_decay,
                momentum=training.momentum,
                lr=rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
                found_inf=skip,
            )
            return
        kernel = torch._fused_adamw_ if training.optimizer == "adamw" else torch._fused_adam_
        kernel(
            parameters,
            gradients,
            moments[0],
            moments[1],
            [],
            [self._step_views[index] for index in chosen],
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=training.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            found_inf=skip,
        )


def _moments_of(training: Training) -> tuple[str, ...]:
    """Return the names of what the rule remembers of every parameter."""
    if training.optimizer == "sgd":
        return ("momentum_buffer",) if training.momentum else ()
    return ("exp_avg", "exp_avg_sq")


def _laid_out(gradient: Tensor | None, parameter: Tensor) -> Tensor:
    """Return the gradient in the parameter's memory layout, which the fused kernels take for granted."""
    assert gradient is not None
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
