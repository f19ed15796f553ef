"""Learned weights that keep the tasks' gradients at comparable lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core.contracts import Balancer
from .gradient_balancer import On


class GradNorm(Balancer):
    """Gradient normalisation (Chen, Badrinarayanan, Lee, Rabinovich 2018, equations 1 and 2).

    The weights `w` are trained, with the recipe's optimizer, by `sum_t |w_t n_t - mean(w n) r_t ** alpha|`:
    `n` are the lengths of the shared gradients, `r` a task's loss over its first one, relative to the mean of
    these; the target counts as constant. `w` is `T softmax` of the parameters, so that it stays positive and
    its sum `T` without the paper's rescaling. Whole losses are weighted. The gradients are those of all
    shared parameters (the paper: of the last shared layer), or of the features. Losses must not be negative;
    the reference is a task's first loss above 0. A task without a label is left out of sum and means.
    """

    needs_gradients = True
    needs_positive_losses = True
    initial: Tensor

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        alpha: Annotated[float, Field(ge=0, description="Pull towards equal training rates.")] = 1.5,
        form: Annotated[
            Literal["paper", "code"],
            Field(
                description="The reference of a task's loss: its first one, or (code) its mean in the first "
                "epoch, which is trained with equal weights."
            ),
        ] = "paper",
        on: On = "parameters",
    ) -> None:
        super().__init__(tasks)
        self.alpha = alpha
        self.form = form
        self.on = on
        self.logits = nn.Parameter(torch.zeros(len(self.tasks)))
        self.register_buffer("initial", torch.zeros(len(self.tasks)))

    def weights(self, losses: Tensor, gradients: Tensor | None) -> Tensor:
        if self.form == "paper":
            self._refer_to(losses.detach())
        return _weights(self.logits.detach())

    def own_loss(self, losses: Tensor, gradients: Tensor | None) -> Tensor | None:
        assert gradients is not None
        started = self.initial > 0
        there = self.present & started if self.form == "code" else self.present
        equal = there.to(losses) / there.sum().clamp(min=1)
        # What a batch says nothing about it does not move.
        logits = torch.where(there, self.logits, self.logits.detach())
        lengths = _weights(logits) * gradients.norm(dim=1)
        ratio = torch.where(started, losses / self.initial.clamp(min=1e-12), 1.0)
        rate = ratio / (ratio @ equal).clamp(min=1e-12)
        target = ((lengths @ equal) * rate**self.alpha).detach()
        own: Tensor = torch.where(there, (lengths - target).abs(), 0.0).sum()
        return own

    def post_epoch(self, losses: Tensor) -> None:
        if self.form == "code":
            self._refer_to(losses)

    def _refer_to(self, losses: Tensor) -> None:
        self.initial.copy_(torch.where(self.initial > 0, self.initial, losses))


def _weights(logits: Tensor) -> Tensor:
    return len(logits) * torch.softmax(logits, dim=0)
