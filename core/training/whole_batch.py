"""Layers that are of the batch as a whole, where a process has only some of its rows.

Statistics over the batch are those of all ranks' rows, and what is drawn for each sample is drawn for the
whole batch, of which each rank takes its rows: so the model computes what it would in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..base.errors import UsageError
from ..base.ranks import Ranks, Rows
from ..contracts.randomness import seeded_generators
from .blocks import Lesson
from .shard import summed

OF_A_BATCH: frozenset[Any] = frozenset(
    {
        F.dropout,
        F.dropout1d,
        F.dropout2d,
        F.dropout3d,
        F.alpha_dropout,
        F.feature_alpha_dropout,
        F.rrelu,
        F.gumbel_softmax,
        torch.bernoulli,
        torch.rand_like,
        torch.randn_like,
    }
)
"""Functions that draw something for each element of their first argument."""

IN_PLACE: frozenset[Any] = frozenset(
    {Tensor.bernoulli_, Tensor.uniform_, Tensor.normal_, Tensor.exponential_, Tensor.random_}
)
"""Methods that fill a tensor with what they draw."""


def _acts_on_batches(func: Callable[..., Any]) -> bool:
    """Return whether a function may be of a batch as a whole: it draws, or has statistics."""
    return func in OF_A_BATCH or func in IN_PLACE or func is F.batch_norm


def seen_as_batches(model: nn.Module, lesson: Lesson) -> tuple[bool, ...]:
    """Return of each draw and normalisation in a forward pass of training whether it is of the samples.

    That is seen from a pass of two samples and one of three, by a copy of the model: what is drawn once for
    all of them, as a branch is, has the same shape in both.
    """
    copy = deepcopy(model).train()
    shapes = []
    for count in (2, 3):
        few = torch.zeros(count, dtype=torch.int64, device=lesson.image.device)
        inputs = {name: value[few] for name, value in lesson.inputs.items()}
        with torch.no_grad(), seeded_generators(few.device), _Draws() as draws:
            copy(lesson.image[few], inputs, lesson.tasks, prepared=True)
        shapes.append(draws.shapes)
    if len(shapes[0]) != len(shapes[1]):
        raise _uneven()
    return tuple(two != three for two, three in zip(*shapes, strict=True))


def _uneven() -> UsageError:
    return UsageError(
        "the model draws or normalises differently from pass to pass: its batch cannot be parted",
        hint="train it on one device",
    )


class _Draws(TorchFunctionMode):
    """Notes the shape of whatever is drawn or normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if _acts_on_batches(func):
            self.shapes.append(tuple((args or (given["input"],))[0].shape))
        return func(*args, **given)


class WholeBatch(TorchFunctionMode):
    """While it is on, batch normalisation and random layers are those of all `rows.whole` samples.

    `of_samples` is what `seen_as_batches` found out: every rank draws alike what is not of the samples.
    Raises `UsageError` in a pass that draws more or less than that.
    """

    def __init__(self, ranks: Ranks, rows: Rows, of_samples: Sequence[bool]) -> None:
        super().__init__()
        self._ranks, self._rows = ranks, rows
        self._of_samples = iter(of_samples)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute `func`, of the whole batch where it is one of those that must be."""
        given = kwargs or {}
        if not _acts_on_batches(func):
            return func(*args, **given)
        of_samples = next(self._of_samples, None)
        if of_samples is None:
            raise _uneven()
        if not of_samples:
            return func(*args, **given)
        if func is F.batch_norm:
            return self._batch_norm(*args, **given)
        batch, *others = args or (given.pop("input"),)
        whole = self._room(batch)
        if func in IN_PLACE:
            return batch.copy_(func(whole, *others, **given)[self._rows.place])
        whole[self._rows.place] = batch
        return func(whole, *others, **given)[self._rows.place]

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Switch it off."""
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        if error is None and next(self._of_samples, None) is not None:
            raise _uneven()

    def _room(self, like: Tensor) -> Tensor:
        """Return zeros for the whole batch, laid out in memory as a rank's rows are."""
        room = like.new_zeros((len(like) // self._rows.count * self._rows.whole, *like.shape[1:]))
        channels_last = like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last)
        if channels_last and not like.is_contiguous():
            return room.contiguous(memory_format=torch.channels_last)
        return room

    def _batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Normalise by mean and variance over all ranks' rows (Ioffe and Szegedy 2015)."""
        if not training:
            return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
        wide = input.to(torch.promote_types(input.dtype, torch.float32))
        over = [0, *range(2, input.dim())]
        shape = (1, -1, *[1] * (input.dim() - 2))
        counted = float(self._rows.counted)
        count = len(input) * input[0, 0].numel() / self._rows.count * self._rows.whole
        mean = summed(wide.sum(over) * counted, self._ranks) / count
        centred = wide - mean.view(shape)
        variance = summed(centred.square().sum(over) * counted, self._ranks) / count
        answer = centred * (variance + eps).rsqrt().view(shape)
        if weight is not None:
            answer = answer * weight.view(shape)
        if bias is not None:
            answer = answer + bias.view(shape)
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                unbiased = variance * (count / max(1, count - 1))
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        return answer.to(input.dtype)
