"""Options that several exporters share, each with its description."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .metadata import PixelType
from .precision import PrecisionType

PixelsOption = Annotated[
    PixelType, Field(description="Pixels the file reads: float32 in 0..1, or the bytes of an image file.")
]
RawOption = Annotated[bool, Field(description="Write logits and unclamped values instead of predictions.")]
OpsetOption = Annotated[
    int,
    Field(ge=18, le=23, description="Version of ONNX's operators; 20 gives way to what `opens_in` knows."),
]
OpensInOption = Annotated[
    str | None,
    Field(
        description="Oldest runtime that has to open the file, such as onnxruntime==1.17.",
        json_schema_extra={"later": True},
    ),
]
PrecisionOption = Annotated[
    PrecisionType,
    Field(description="Numbers the file computes with; int8 is calibrated on the train split."),
]
KeepFloatOption = Annotated[
    tuple[str, ...], Field(description="int8: tasks whose own layers stay in float32.")
]
MaxDropOption = Annotated[
    dict[str, float],
    Field(
        description="Most that float16 or int8 may lose, by task or metric: points of a bounded "
        "metric (0.5), dB of PSNR (0.3), percent of an error (2)."
    ),
]
CalibrationOption = Annotated[
    int, Field(ge=1, le=10_000, description="float16, int8: training samples that give the ranges.")
]
MaxSizeOption = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        json_schema_extra={"later": True},
        description="int8: where a task loses too much, operators go back to float32 while the file stays "
        "below this share of the float32 one; 0: none.",
    ),
]
FineTuneOption = Annotated[
    int,
    Field(
        ge=0,
        le=100,
        json_schema_extra={"later": True},
        description="int8: epochs that the model is trained on for, rounded as the file will be.",
    ),
]
