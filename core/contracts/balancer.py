"""The contract of a balancer: how the task losses become one update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from torch import Tensor, nn


class Balancer(nn.Module):
    """A balancer; its constructor takes `(tasks: Sequence[str], *, options)`.

    The losses it sees are multiplied by the tasks' own weights. `needs_gradients` asks for shared parameters,
    which the composer checks; the other flags say where it is safe. `fixed_weights` are factors by task
    that never change: they count when the best epoch is chosen.
    """

    needs_gradients: bool = False
    ddp_safe: bool = True
    compile_safe: bool = True
    fixed_weights: Mapping[str, float] = MappingProxyType({})

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        """Return one weight per task, `[T]`; the update minimises `(weights * losses).sum()`.

        `losses` is `[T]` in the order of `tasks`; `gradients` is `[T, P]`, each task's gradient with
        respect to the shared parameters, given only when `needs_gradients`.
        """
        raise NotImplementedError

    def post_step(self, losses: Tensor) -> None:
        """Called after every update with the losses `[T]` it was made from."""

    def post_epoch(self, losses: Tensor) -> None:
        """Called after every epoch with the epoch's mean training losses `[T]`."""
