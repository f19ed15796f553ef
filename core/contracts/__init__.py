"""What a component of each kind promises. Engine arguments are positional; options are keyword-only.

Every option is a keyword-only constructor argument with a type and a default, described and bounded by
pydantic's `Field`:

    def __init__(self, image, inputs, *, width: Annotated[int, Field(ge=1, description="...")] = 32):

A name is imported when it is asked for: forms of answers and data sets need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .records import KINDS

if TYPE_CHECKING:
    from .augmentation import Augmentation as Augmentation
    from .balancer import Balancer as Balancer
    from .dataset import Columns as Columns
    from .dataset import Dataset as Dataset
    from .dataset import no_images as no_images
    from .drawing import Bars as Bars
    from .drawing import Described as Described
    from .drawing import Drawing as Drawing
    from .drawing import Map as Map
    from .drawing import Mask as Mask
    from .drawing import Picture as Picture
    from .drawing import Tags as Tags
    from .drawing import Values as Values
    from .encoder import Encoder as Encoder
    from .executor import Executor as Executor
    from .executor import Job as Job
    from .executor import JobEnding as JobEnding
    from .executor import Seat as Seat
    from .executor import Work as Work
    from .exporter import Arrays as Arrays
    from .exporter import Exporter as Exporter
    from .exporter import ExportPlan as ExportPlan
    from .exporter import ExportReport as ExportReport
    from .exporter import ExportSubject as ExportSubject
    from .exporter import Judge as Judge
    from .exporter import Leading as Leading
    from .exporter import Metrics as Metrics
    from .exporter import Predict as Predict
    from .exporter import Tuner as Tuner
    from .exporter import Units as Units
    from .form import Activation as Activation
    from .form import Decisions as Decisions
    from .form import Form as Form
    from .head import Head as Head
    from .head import HeadSpec as HeadSpec
    from .loss import Loss as Loss
    from .marks import Marks as Marks
    from .metric import Metric as Metric
    from .optimizer import Optimizer as Optimizer
    from .optimizer import ParameterGroup as ParameterGroup
    from .origin import WeightsOrigin as WeightsOrigin
    from .preparation import Preparation as Preparation
    from .preparation import WantedPreparation as WantedPreparation
    from .schedule import Moment as Moment
    from .schedule import Schedule as Schedule
    from .sharing import EncoderBuilder as EncoderBuilder
    from .sharing import LearnedTable as LearnedTable
    from .sharing import Sharing as Sharing
    from .storage import Fill as Fill
    from .storage import InMemory as InMemory
    from .storage import Storage as Storage
    from .task import Task as Task
    from .tracker import Ending as Ending
    from .tracker import TrackedRun as TrackedRun
    from .tracker import Tracker as Tracker

_NAMES = {
    "augmentation": ("Augmentation",),
    "balancer": ("Balancer",),
    "dataset": ("Columns", "Dataset", "no_images"),
    "drawing": ("Bars", "Described", "Drawing", "Map", "Mask", "Picture", "Tags", "Values"),
    "encoder": ("Encoder",),
    "executor": ("Executor", "Job", "JobEnding", "Seat", "Work"),
    "exporter": (
        "Predict",
        "Arrays",
        "Exporter",
        "ExportPlan",
        "ExportReport",
        "ExportSubject",
        "Judge",
        "Leading",
        "Metrics",
        "Tuner",
        "Units",
    ),
    "form": ("Activation", "Decisions", "Form"),
    "head": ("Head", "HeadSpec"),
    "loss": ("Loss",),
    "marks": ("Marks",),
    "metric": ("Metric",),
    "optimizer": ("Optimizer", "ParameterGroup"),
    "preparation": ("Preparation", "WantedPreparation"),
    "storage": ("Fill", "InMemory", "Storage"),
    "origin": ("WeightsOrigin",),
    "schedule": ("Moment", "Schedule"),
    "sharing": ("EncoderBuilder", "LearnedTable", "Sharing"),
    "task": ("Task",),
    "tracker": ("Ending", "TrackedRun", "Tracker"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

BUILT = tuple(kind for kind in KINDS if kind != "recipe")
"""The kinds whose components are classes; a recipe is none."""


def contract_of(kind: str) -> type[Any]:
    """Return the class that components of a kind derive from."""
    contract: type[Any] = __getattr__(kind.capitalize())
    return contract


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
