"""One rank's share of a step: its rows of a lesson, and losses that are of all ranks' rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..base.ranks import Ranks, Rows
from ..composition.losses import Known
from .blocks import Lesson


def shard(lesson: Lesson, rows: Rows) -> Lesson:
    """Return a rank's rows of a lesson; each counts for what it does in the whole batch."""
    place = rows.place
    return replace(
        lesson,
        image=lesson.image[place],
        inputs={name: value[place] for name, value in lesson.inputs.items()},
        answers={name: _answers(known, rows) for name, known in lesson.answers.items()},
        normalized=None if lesson.normalized is None else lesson.normalized[place],
    )


def _answers(known: Known, rows: Rows) -> Known:
    target, share = known.target[rows.place], known.share
    if share is None:
        own = torch.full((rows.count,), 1.0 / rows.whole, device=target.device)
    else:
        own = share[rows.place]
    other = None if known.other is None else _answers(known.other, rows)
    return replace(known, target=target, share=own if rows.counted else torch.zeros_like(own), other=other)


def summed_losses(losses: Tensor, ranks: Ranks) -> Tensor:
    """Return the losses of all ranks' rows; their gradient is that of this rank's rows alone.

    The gradients of the parameters are summed over the ranks when they are complete.
    """
    if ranks.alone:
        return losses
    all_rows: Tensor = _summed_losses(losses, ranks)
    return all_rows


def summed(values: Tensor, ranks: Ranks) -> Tensor:
    """Return the sum over all ranks inside the model; the gradient is summed over the ranks too."""
    all_rows: Tensor = _summed(values, ranks)
    return all_rows


class _SummedLosses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, losses: Tensor, ranks: Ranks) -> Tensor:
        return ranks.total(losses)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        return gradients[0], None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.total(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        return ctx.ranks.total(gradients[0]), None


_summed_losses: Any = _SummedLosses.apply
_summed: Any = _Summed.apply
