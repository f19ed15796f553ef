"""The contract of a metric: accumulated over batches on the device, read once at the end."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from .form import Form


class Metric(nn.Module):
    """A metric; its constructor takes `(target: Form, *, options)`.

    `direction` says which way is better (None: neither); `bounds` is the range of its values;
    `scalar` is False when `compute` returns a table: with `columns` their names, and a row for each of the
    answer's `labels`, NaN where there is nothing to say; without `columns` right classes by given ones
    `[K, K]`. `starts_late` is True when the first `update`
    imports what takes seconds: the metric is then tried on two samples before a training, and not where a run
    is only planned, loaded or exported.
    """

    direction: Literal["higher", "lower"] | None = None
    bounds: tuple[float, float] = (float("-inf"), float("inf"))
    scalar: bool = True
    columns: tuple[str, ...] = ()
    starts_late: bool = False

    def __init__(self, target: Form) -> None:
        super().__init__()
        self.target = target

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return why the metric cannot judge this target, or None when it can."""
        return None

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch: predictions (probabilities, values, images in 0..1) and present targets only.

        Where `target.partial`, single numbers may be absent; `target.known(...)` says which are there.
        """
        raise NotImplementedError

    def compute(self) -> Tensor:
        """Return the value over everything added since the last reset: a scalar, or a table."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget everything added."""
        raise NotImplementedError
