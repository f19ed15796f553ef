"""How a metric of torchmetrics becomes a component of ours."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor

from ...core.contracts import Metric
from ...core.errors import Incompatible
from ...core.specs import TargetSpec

if TYPE_CHECKING:
    import torchmetrics


class Adapter(Metric):
    """A metric that an object of torchmetrics accumulates and computes, on the device it was moved to.

    `library` names its class, `"module:Class"`, and `settings` are its arguments. It is imported when a
    metric is built and not before: torchmetrics takes seconds to import, and listing components must not.
    A subclass states the `forms` it judges and the `refusal` of any other, where `{}` stands for its name.
    Raises `Incompatible` for targets that `accepts` refuses.
    """

    direction: Literal["higher", "lower"] | None = "lower"
    bounds = (0.0, float("inf"))
    forms: ClassVar[tuple[type, ...]]
    refusal: ClassVar[str]

    def __init__(self, target: TargetSpec, library: str, **settings: Any) -> None:
        super().__init__(target)
        if reason := self.accepts(target):
            raise Incompatible(reason)
        self.judge: torchmetrics.Metric = resolve_name(library)(**settings)

    @classmethod
    def accepts(cls, target: TargetSpec) -> str | None:
        """Return None for the forms this metric judges, else the reason."""
        return None if isinstance(target, cls.forms) else cls.refusal.format(target.form)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of predictions and targets of the same shape, `[B, ...]`, of at least one sample."""
        # torchmetrics flattens with `view`, which neither expanded nor channels-last images allow.
        self.judge.update(prediction.contiguous(), target.contiguous())

    def compute(self) -> Tensor:
        """Return the value over everything added; the single number NaN before anything was."""
        if not self.judge.update_called:
            return torch.tensor(torch.nan)
        value: Tensor = self.judge.compute()
        return value

    def reset(self) -> None:
        """Forget everything added."""
        self.judge.reset()
