"""The contract of a loss: how far raw outputs are from targets, sample by sample."""

from __future__ import annotations

from torch import Tensor, nn

from .form import Form


class Loss(nn.Module):
    """A loss; its constructor takes `(target: Form, *, options)`.

    The engine averages over the samples that have the label; a loss never sees an absent one's value. Where
    `target.partial`, single numbers of a target may be absent: it averages over `target.known(...)` alone.
    Quantities (`Form.quantities`) come standardised, unless the recipe's `standardize` says otherwise.
    It is the same in every step: parameters to be trained and buffers that change when it is called are
    refused. One that `mixes` has for a mixture of two targets the mixture of their losses as its value, as
    cross-entropy has: then images may be mixed.
    """

    mixes: bool = False

    def __init__(self, target: Form) -> None:
        super().__init__()
        self.target = target

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return why the loss cannot judge this target, or None when it can."""
        return None

    def fit(self, targets: Tensor) -> None:
        """Read what it needs of the training split's targets `[N, ...]`: such as class counts.

        No sample is absent, though single numbers may be where `target.partial`.

        Called once, before training and before an evaluation, when `fits`; targets are on the CPU. What it
        keeps belongs in buffers.
        """

    @property
    def fits(self) -> bool:
        """Whether `fit` reads anything."""
        return type(self).fit is not Loss.fit

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return one loss per sample, `[B]`, from the head's raw output `[B, *output_shape]`."""
        raise NotImplementedError

    def batch_mean(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the mean of what `forward` gives, a scalar; to be overridden where that takes less."""
        mean: Tensor = self(raw, target).mean()
        return mean
