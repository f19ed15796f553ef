"""What the metrics of classes and of yes and no have in common."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from ...core.contracts import Form
from ..forms import Binary, Categorical, PixelClasses
from .adapter import Adapter
from .class_table import ClassScores
from .counter import Counter

AverageOption = Annotated[
    Literal["micro", "macro", "weighted"] | None,
    Field(
        description="Average over answers (micro) or classes (macro, weighted); none: macro, or yes alone."
    ),
]


class ClassMetric(Adapter):
    """A metric of the most probable class, or of yes where its probability is at least 0.5.

    Of a class per pixel, every labelled pixel of all samples is one answer.
    Probabilities that are not finite count as a wrong answer: the class after the right one.
    """

    direction: Literal["higher", "lower"] | None = "higher"
    bounds = (0.0, 1.0)
    forms: ClassVar[tuple[type, ...]] = (Categorical, Binary, PixelClasses)
    refusal = "needs classes or yes and no, not the answer form {!r}"

    def __init__(
        self, target: Form, library: str | type[Counter], task: str | None = None, **settings: Any
    ) -> None:
        task = task or ("binary" if isinstance(target, Binary) else "multiclass")
        self.classes = len(target.classes) if isinstance(target, Categorical | PixelClasses) else 2
        settings |= {"task": task, "num_classes": self.classes, "validate_args": False}
        super().__init__(target, library, **settings)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add probabilities `[B, K]` or `[B]` and the right answers, int64 `[B]`; or `[B, K, H, W]`."""
        # An answer and not a probability, because yes and no may be judged as two classes.
        binary = isinstance(self.target, Binary)
        answer = (prediction >= 0.5).long() if binary else prediction.argmax(dim=1)
        known = prediction.isfinite() if binary else prediction.isfinite().all(dim=1)
        answer = answer.where(known, (target + 1) % self.classes)
        if self.target.partial:
            labelled = self.target.known(target)
            answer, target = answer[labelled], target[labelled]
        super().update(answer, target)


class ClassScore(ClassMetric):
    """A score of each class, averaged; a score whose denominator is 0 is 0.

    `macro` is the mean over the classes that occur among the answers or the predictions, as in scikit-learn;
    `weighted` weighs each class by how often it occurs. `None`: macro for classes, yes alone for yes or no.
    """

    def __init__(self, target: Form, scores: type[ClassScores], average: str | None) -> None:
        super().__init__(target, scores, "multiclass" if average else None, average=average or "macro")
