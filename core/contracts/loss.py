"""The contract of a loss: how far raw outputs are from targets, sample by sample."""

from __future__ import annotations

from torch import Tensor, nn

from ..specs import TargetSpec


class Loss(nn.Module):
    """A loss; its constructor takes `(target: TargetSpec, *, options)`.

    The engine averages over the samples that have the label; a loss never sees an absent one's value.
    """

    def __init__(self, target: TargetSpec) -> None:
        super().__init__()
        self.target = target

    @classmethod
    def accepts(cls, target: TargetSpec) -> str | None:
        """Return why the loss cannot judge this target, or None when it can."""
        return None

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return one loss per sample, `[B]`, from the head's raw output `[B, *output_shape]`."""
        raise NotImplementedError
