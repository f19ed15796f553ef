"""What a component of each kind promises. Engine arguments are positional; options are keyword-only.

Every option is a keyword-only constructor argument with a type and a default, described and bounded by
pydantic's `Field`:

    def __init__(self, image, inputs, *, width: Annotated[int, Field(ge=1, description="...")] = 32):
"""

from typing import Any

from .augmentation import Augmentation
from .balancer import Balancer
from .dataset import Columns, Dataset
from .encoder import Encoder
from .exporter import (
    Answer,
    Arrays,
    Exporter,
    ExportPlan,
    ExportReport,
    ExportSubject,
    Judge,
    Leading,
    Metrics,
    Units,
)
from .head import Head, HeadSpec
from .loss import Loss
from .metric import Metric
from .optimizer import Optimizer, ParameterGroup
from .schedule import Moment, Schedule
from .sharing import EncoderBuilder, LearnedTable, Sharing
from .task import Task

CONTRACTS: dict[str, type[Any]] = {
    "dataset": Dataset,
    "augmentation": Augmentation,
    "encoder": Encoder,
    "head": Head,
    "loss": Loss,
    "metric": Metric,
    "task": Task,
    "sharing": Sharing,
    "balancer": Balancer,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "exporter": Exporter,
}
"""The class that components of each kind derive from; a recipe is no class."""

__all__ = [
    "CONTRACTS",
    "Answer",
    "Arrays",
    "Augmentation",
    "Balancer",
    "Columns",
    "Dataset",
    "Encoder",
    "EncoderBuilder",
    "ExportPlan",
    "ExportReport",
    "ExportSubject",
    "Exporter",
    "Head",
    "HeadSpec",
    "Judge",
    "Leading",
    "LearnedTable",
    "Loss",
    "Metric",
    "Metrics",
    "Moment",
    "Optimizer",
    "ParameterGroup",
    "Schedule",
    "Sharing",
    "Task",
    "Units",
]
