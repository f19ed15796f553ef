"""The smooth maximum of the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from ...core.contracts import Balancer

_SMALL = 1e-8


class SmoothTchebycheff(Balancer):
    """Smooth Tchebycheff scalarization (Lin et al. 2024, equation 5): `mu log sum_t exp(L_t / (T mu))`.

    All tasks are preferred alike and the ideal point is 0. The weights are the derivatives,
    `softmax(L / (T mu)) / T`: the worst task counts most, so losses should be of one scale. `form: code` is
    the authors' program, which is free of scales: `T mu log sum_t exp(log(L_t / N_t) / mu)`, `N` the mean
    losses of epoch `warm_up + 1`, until the end of which `sum_t log L_t` is minimised; its losses must not be
    negative, and one below 1e-8 counts as that. A task without a label is not one of the `T`.
    """

    nadir: Tensor
    epochs: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        mu: Annotated[
            float,
            Field(gt=0, description="Smoothing; towards 0 only the worst task counts. The code's: 1."),
        ] = 0.1,
        form: Annotated[
            Literal["paper", "code"],
            Field(description="The paper's equation, or the authors' program, of logarithms of losses."),
        ] = "paper",
        warm_up: Annotated[int, Field(ge=0, description="Epochs of warm-up, only with `form: code`.")] = 4,
    ) -> None:
        super().__init__(tasks)
        self.mu, self.form, self.warm_up = mu, form, warm_up
        self.needs_positive_losses = form == "code"
        self.register_buffer("nadir", torch.ones(len(self.tasks)))
        self.register_buffer("epochs", torch.zeros(()))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        values = losses.detach()
        count = self.present.sum().clamp(min=1)
        if self.form == "paper":
            return self._shares(values / self.mu / count) / count
        known = values.clamp(min=_SMALL)
        shares = count * self._shares((known.log() - self.nadir.log()) / self.mu)
        return torch.where(self.epochs > self.warm_up, shares, self.present.to(values)) / known

    def post_epoch(self, losses: Tensor) -> None:
        known = losses.clamp(min=_SMALL)
        self.nadir.copy_(torch.where(self.epochs == self.warm_up, known, self.nadir))
        self.epochs.add_(1)

    def _shares(self, values: Tensor) -> Tensor:
        """Return the softmax over the tasks that are present, `[T]`."""
        return torch.softmax(torch.where(self.present, values, -torch.inf), dim=0).nan_to_num()
