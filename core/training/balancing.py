"""From the tasks' losses to the gradients of one update, as the balancer wants it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..contracts import Balancer


class Balancing:
    """Fills the parameters' gradients from the weighted losses `[T]`.

    `shared` are the parameters that more than one task's loss reaches.
    """

    def __init__(self, balancer: Balancer, shared: Sequence[nn.Parameter]) -> None:
        self._balancer = balancer
        self._shared = tuple(shared)

    def backward(self, losses: Tensor) -> Tensor:
        """Run the backward pass; return the balanced losses `[T]` whose sum the update minimises."""
        gradients = self._task_gradients(losses) if self._balancer.needs_gradients else None
        balanced = self._balancer.weights(losses, gradients) * losses
        balanced.sum().backward()
        return balanced.detach()

    def _task_gradients(self, losses: Tensor) -> Tensor:
        """Return each task's gradient with respect to the shared parameters, `[T, P]`."""
        rows = []
        for loss in losses:
            gradients = torch.autograd.grad(
                loss, self._shared, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
        return torch.stack(rows)
