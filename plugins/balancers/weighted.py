"""A fixed weight for every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ...core.base.errors import Incompatible, suggest
from ...core.contracts import Balancer


class Weighted(Balancer):
    """Weights the losses as the recipe says; a task without a weight has 1.

    Raises `Incompatible` for a weight of an unknown task, a negative one, or all of them 0.

    >>> Weighted(["a", "b"], weights={"a": 3.0}, normalise=True).weights(torch.zeros(2), None).tolist()
    [1.5, 0.5]
    """

    constant = True
    values: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        weights: Annotated[
            dict[str, Annotated[float, Field(ge=0.0)]],
            Field(description="Weight of each task by its name; a task not named has 1."),
        ] = {},  # noqa: B006 - never changed
        normalise: Annotated[
            bool, Field(description="Scale the weights so that their sum is the number of tasks.")
        ] = False,
    ) -> None:
        super().__init__(tasks)
        for task, weight in weights.items():
            if task not in self.tasks:
                raise Incompatible(f"weight of unknown task {task!r}; {suggest(task, self.tasks, 'tasks')}")
            if weight < 0:
                raise Incompatible(f"weight of {task!r} must not be negative, got {weight}")
        values = torch.tensor([float(weights.get(task, 1.0)) for task in self.tasks])
        if not values.any():
            raise Incompatible("at least one weight must be above 0")
        if normalise:
            values = values * (len(values) / values.sum())
        self.fixed_weights = dict(zip(self.tasks, values.tolist(), strict=True))
        # Not part of the state: after a change of the recipe, a checkpoint must not bring old weights back.
        self.register_buffer("values", values, persistent=False)

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        """Return the fixed weights, `[T]`."""
        return self.values.to(losses)
