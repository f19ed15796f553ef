"""The records of tasks, forms, losses, metrics, balancers and augmentations."""

import importlib
import subprocess
import sys

import pytest

from mtl.core import contracts
from mtl.core.discovery.options import describe_options, options_model
from mtl.plugins import augmentations, balancers, forms, losses, metrics, tasks
from mtl.plugins.forms import Binary, Categorical, Image, Regression

CONTRACTS = {
    "task": contracts.Task,
    "form": contracts.Form,
    "loss": contracts.Loss,
    "metric": contracts.Metric,
    "balancer": contracts.Balancer,
    "augmentation": contracts.Augmentation,
}
RECORDS = [
    component
    for folder in (augmentations, balancers, forms, losses, metrics, tasks)
    for component in folder.COMPONENTS
]


@pytest.mark.parametrize("component", RECORDS, ids=lambda component: f"{component.kind} {component.name}")
def test_a_record_is_valid_and_leads_to_a_class_of_its_kind_with_described_options(component):
    assert component.problems() == []
    module, _, name = component.target.partition(":")
    loaded = getattr(importlib.import_module(module), name)
    assert issubclass(loaded, CONTRACTS[component.kind])
    assert all(option.description for option in describe_options(options_model(loaded)))


_JUDGED = ("accuracy", "f1", "precision", "recall", "confusion-matrix")


@pytest.mark.parametrize(
    ("form", "head", "loss", "metrics"),
    [
        (Categorical, "linear", "cross-entropy", _JUDGED),
        (Binary, "linear", "bce", _JUDGED),
        (Regression, "linear", "smooth-l1", ("rmse", "mae")),
        (Image, "decoder", "mse", ("psnr", "ssim")),
    ],
)
def test_every_form_of_answer_has_its_defaults(form, head, loss, metrics):
    assert (form.head, form.loss, form.metrics) == (head, loss, metrics)


def test_the_records_import_nothing_heavy():
    heavy = ("torch", "numpy", "pydantic", "torchmetrics")
    code = (
        "import sys; from mtl.plugins import augmentations, balancers, forms, losses, metrics, tasks;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
