"""One exported file, as every step is told of it on the way from a trained model to a proven file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import onnx

from ..core.base.errors import VerificationError
from ..core.contracts import ExportSubject
from ..core.discovery.answer_forms import Forms, forms_among
from .compatibility import USUAL
from .metadata import ModelCard, PixelType
from .precision import FLOAT32, KEY, Precision


@dataclass(frozen=True)
class Export:
    """Who is exported, in what form, and the float32 graph that the file is derived from.

    The form: what the image holds (`pixels`), logits (`raw`) or predictions, and what is computed with
    (`precision`), in operators of an `opset`. `base` is None where no graph has been traced yet. An export is
    `stated` when an existing file says of itself that it is this one; nothing about that is certain.
    `sensitivities` are how much the answers moved when an operator alone was rounded to eight bits, of their
    spread, where that was measured. Where the model was trained on, rounded, `tuned` is the subject with the
    weights that it then had, which are those of the file, and `before_tuning` what each task lost without.
    """

    subject: ExportSubject
    pixels: PixelType = "float32"
    raw: bool = False
    precision: Precision = FLOAT32
    opset: int = USUAL
    base: onnx.ModelProto | None = None
    stated: bool = False
    sensitivities: Mapping[str, float] = field(default_factory=dict)
    tuned: ExportSubject | None = None
    before_tuning: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rounded(self) -> bool:
        """Whether the file computes with other numbers than float32."""
        return self.precision.type != "float32"

    @property
    def forms(self) -> Forms:
        """The forms of its answers, which may be those of a plugin that is not installed."""
        return forms_among(self.subject.targets.values())

    @property
    def card(self) -> ModelCard:
        """What the file says about itself; raises `VerificationError` when the metadata is no finite JSON."""
        subject = self.subject
        metadata = dict(subject.metadata)
        if self.rounded:
            metadata[KEY] = self.precision.to_json()
        try:
            return ModelCard.of(
                subject.image,
                subject.inputs,
                subject.targets,
                pixels=self.pixels,
                raw=self.raw,
                metadata=metadata,
            )
        except (TypeError, ValueError) as error:
            raise VerificationError(f"the metadata to be exported is not finite JSON: {error}") from error

    def in_float32(self) -> Export:
        """Return the export that this one is derived from."""
        return replace(self, precision=FLOAT32, subject=self.tuned or self.subject)
