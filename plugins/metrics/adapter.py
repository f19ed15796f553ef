"""How a metric of torchmetrics becomes a component of ours."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor

from ...core.base.errors import refuse
from ...core.contracts import Form, Metric
from .counter import Counter

if TYPE_CHECKING:
    import torchmetrics


class Adapter(Metric):
    """A metric that an object of torchmetrics accumulates and computes, on the device it was moved to.

    `library` names its class, `"module:Class"`, and `settings` are its arguments. It is imported with the
    first batch and not before: torchmetrics takes seconds to import, and listing components, planning a run
    or exporting one must not wait for it. A `Counter` of ours is given as the class itself: those of classes
    and images, by which most runs are judged, so that such a run goes without torchmetrics.
    A subclass states the `forms` it judges and the `refusal` of any other, where `{}` stands for its name.
    Raises `Incompatible` for targets that `accepts` refuses.
    """

    direction: Literal["higher", "lower"] | None = "lower"
    bounds = (0.0, float("inf"))
    starts_late = True
    forms: ClassVar[tuple[type, ...]]
    refusal: ClassVar[str]

    def __init__(self, target: Form, library: str | type[Counter], **settings: Any) -> None:
        super().__init__(target)
        refuse(self.accepts(target))
        self.library = library
        self.settings = settings
        self.counter: torchmetrics.Metric | Counter | None = None

    @classmethod
    def accepts(cls, target: Form) -> str | None:
        """Return None for the forms this metric judges, else the reason."""
        return None if isinstance(target, cls.forms) else cls.refusal.format(target.form)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch of predictions and targets of the same shape, `[B, ...]`, of at least one sample."""
        # torchmetrics flattens with `view`, which neither expanded nor channels-last images allow.
        self.accumulate(prediction.contiguous(), target.contiguous())

    def accumulate(self, *batch: Tensor) -> None:
        """Give a batch to the object of torchmetrics, which is made with the first one, on its device."""
        if self.counter is None:
            # What is made in inference mode could not be added to outside of it.
            with torch.inference_mode(False):
                kind = resolve_name(self.library) if isinstance(self.library, str) else self.library
                self.counter = kind(**self.settings).to(batch[0].device)
        self.counter.update(*batch)

    def compute(self) -> Tensor:
        """Return the value over everything added; the single number NaN before anything was."""
        if self.counter is None or not self.counter.update_called:
            return torch.tensor(torch.nan)
        value: Tensor = self.counter.compute()
        return value

    def reset(self) -> None:
        """Forget everything added."""
        if self.counter is not None:
            self.counter.reset()
