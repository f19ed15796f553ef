"""The records of tasks, losses, metrics, balancers and augmentations."""

import importlib
import subprocess
import sys

import pytest

from mtl.core import contracts
from mtl.core.options import describe_options, options_model
from mtl.plugins import augmentations, balancers, losses, metrics, tasks

CONTRACTS = {
    "task": contracts.Task,
    "loss": contracts.Loss,
    "metric": contracts.Metric,
    "balancer": contracts.Balancer,
    "augmentation": contracts.Augmentation,
}
RECORDS = [
    component
    for folder in (augmentations, balancers, losses, metrics, tasks)
    for component in folder.COMPONENTS
]


@pytest.mark.parametrize("component", RECORDS, ids=lambda component: f"{component.kind} {component.name}")
def test_a_record_is_valid_and_leads_to_a_class_of_its_kind_with_described_options(component):
    assert component.problems() == []
    module, _, name = component.target.partition(":")
    loaded = getattr(importlib.import_module(module), name)
    assert issubclass(loaded, CONTRACTS[component.kind])
    assert all(option.description for option in describe_options(options_model(loaded)))


@pytest.mark.parametrize(
    ("kind", "defaults"),
    [
        (
            "loss",
            {
                "categorical": ["cross-entropy"],
                "binary": ["bce"],
                "image": ["mse"],
                "regression": ["smooth-l1"],
            },
        ),
        (
            "metric",
            {
                "categorical": ["accuracy", "f1", "precision", "recall", "confusion-matrix"],
                "binary": ["accuracy", "f1", "precision", "recall", "confusion-matrix"],
                "regression": ["rmse", "mae"],
                "image": ["psnr", "ssim"],
            },
        ),
    ],
)
def test_every_form_of_answer_has_its_defaults(kind, defaults):
    records = [component for component in RECORDS if component.kind == kind]
    found = {form: [one.name for one in records if form in one.default_for] for form in defaults}
    assert found == defaults


def test_the_records_import_nothing_heavy():
    heavy = ("torch", "numpy", "pydantic", "torchmetrics")
    code = (
        "import sys; from mtl.plugins import augmentations, balancers, losses, metrics, tasks;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
