"""The loss of one task over a batch: the mean over the samples that have the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..contracts import Form, Loss
from ..contracts.batch import Mixture


@dataclass(frozen=True)
class Known:
    """The targets of a batch with absent ones replaced by zero, ready for a mean over the present ones.

    `share` is by how much each sample counts in that mean, float32 `[B]`: 0 for an absent target, the same
    for all others; None where every target is there (images). `count` is how many are there, a scalar. Of
    mixed images `other` are their partners' targets, whose shares count in the same mean.
    """

    target: Tensor
    share: Tensor | None
    count: Tensor
    other: Known | None = None

    def chosen(self, of: Callable[[Tensor], Tensor]) -> Known:
        """Return the targets of some samples, which `of` picks from `[B, ...]`, with the shares they have."""
        other = None if self.other is None else self.other.chosen(of)
        share = None if self.share is None else of(self.share)
        return Known(of(self.target), share, self.count, other)

    def split(self, sizes: Sequence[int]) -> list[Known]:
        """Return the parts of so many samples each; all but the last are of one size."""
        targets = self.target.split(list(sizes))
        if self.share is None:
            different = dict(zip(sizes, targets, strict=True))
            counts = {size: _count_of(part) for size, part in different.items()}
            return [Known(part, None, counts[size]) for size, part in zip(sizes, targets, strict=True)]
        if self.other is not None:
            return self._split_mixed(self.other, sizes)
        # All parts in one go: rows of the largest size, of which the padding is absent.
        widest, last = max(sizes), sizes[-1]
        there = (self.share > 0).to(torch.float32)
        body, tail = there[: len(there) - last], there[len(there) - last :]
        rows = [F.pad(part, (0, widest - part.shape[-1])) for part in (body.view(-1, sizes[0]), tail[None])]
        shares, there_are = _shares(torch.cat(rows))
        parts = [row[:size] for row, size in zip(shares, sizes, strict=True)]
        return [Known(*part) for part in zip(targets, parts, there_are.unbind(), strict=True)]

    def _split_mixed(self, other: Known, sizes: Sequence[int]) -> list[Known]:
        assert self.share is not None
        assert other.share is not None
        whole = (self.target, other.target, self.share * self.count, other.share * self.count)
        return [_mixed(*part) for part in zip(*(tensor.split(list(sizes)) for tensor in whole), strict=True)]


def known_mixture(target: Tensor, form: Form, mixture: Mixture) -> Known:
    """Return a task's targets of mixed images ready for its loss; an absent half counts for nothing."""
    there = form.present(target)
    present = torch.ones_like(mixture.share) if there is None else there.to(torch.float32)
    filled = known(target, form).target
    partner = mixture.partner
    return _mixed(filled, filled[partner], mixture.share * present, (1.0 - mixture.share) * present[partner])


def _mixed(target: Tensor, other: Tensor, weight: Tensor, rest: Tensor) -> Known:
    """Return targets whose losses count by weights `[B]`, in one mean."""
    count = (weight + rest).sum()
    whole = torch.where(count > 0, count, 1.0)
    return Known(target, weight / whole, count, Known(other, rest / whole, count))


def known(target: Tensor, form: Form) -> Known:
    """Return a task's targets ready for its loss; nothing is read back from the device."""
    there = form.present(target)
    if there is None:
        return Known(target, None, _count_of(target))
    # An absent label's value is replaced before the loss sees it: NaN times zero would still be NaN.
    mask = there.reshape(-1, *[1] * (target.dim() - 1))
    filled = torch.where(mask, target, torch.zeros_like(target))
    return Known(filled, *_shares(there.to(torch.float32)))


def mean_loss(loss: Loss, raw: Tensor, answers: Known) -> Tensor:
    """Return the mean loss over present targets, a scalar; 0 when there is none."""
    if answers.share is None:
        mean = loss.batch_mean(raw, answers.target)
    else:
        per_sample = loss(raw, answers.target)
        mean = torch.dot(per_sample, answers.share.to(per_sample.dtype))
    return mean if answers.other is None else mean + mean_loss(loss, raw, answers.other)


def masked_loss(loss: Loss, raw: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss over present labels (0 when there is none) and their number, both scalars."""
    answers = known(target, loss.target)
    return mean_loss(loss, raw, answers), answers.count


def _count_of(target: Tensor) -> Tensor:
    return torch.full((), float(len(target)), device=target.device)


def _shares(there: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of each sample in the mean over its row `[..., B]`, and how many are there `[...]`."""
    counts = there.sum(dim=-1)
    return there / counts.clamp(min=1.0).unsqueeze(-1), counts
