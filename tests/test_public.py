"""What is public is listed here, and it is all that plugins, examples, templates and documents use."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mtl.core.contracts import hookspecs

ROOT = Path(__file__).parents[1]

# A name that leaves this list needs a shim: docs/plugins.md says for how long.
PUBLIC = {
    "mtl": "Comparison Component Run Search compare compose errors hookimpl load search",
    "mtl.contracts": """
        Component hookimpl
        Augmentation Balancer Dataset Encoder Exporter Head Loss Metric Optimizer Schedule Sharing Task
        Tracker TrackedRun Executor Job JobEnding Seat Work
        Moment ParameterGroup Columns Storage InMemory Fill EncoderBuilder HeadSpec LearnedTable
        Predict Arrays ExportPlan ExportReport ExportSubject Judge Leading Metrics Mixture Tuner Units
        Batch Features MISSING one_hot transform_square Warp warp_labels
        Form Activation Decisions Binary Categorical Image
        Multilabel Ordinal PixelClasses PixelValues Points Regression
        Drawing Described Bars Marks Map Mask Picture Tags Values
        DatasetSpec FeatureSpec ImageSpec InputSpec NO_IMAGE Symmetry VectorSpec Vectors no_images
        Preparation WantedPreparation
        Random SampleRandom StepRandom WeightsOrigin
        ComponentError Incompatible MissingRequirementError UsageError VerificationError
        reading write_bytes
    """,
    "mtl.testing": "Check CheckFailed CheckSkipped Result checks_for parametrize_with_checks run_checks",
}
HOOKS = """
    mtl_components mtl_commands mtl_run_started mtl_epoch_ended mtl_run_finished mtl_exported
"""
# What plugin authors read and copy.
FOR_AUTHORS = [
    ROOT / "README.md",
    ROOT / "__init__.py",
    ROOT / "contracts.py",
    ROOT / "testing.py",
    ROOT / "core" / "contracts" / "hookspecs.py",
    *(ROOT / "docs").glob("*.md"),
    *(
        path
        for folder in ("examples", "core/scaffold", "core/contracts", "core/testing", "plugins", "exports")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".tmpl", ".md", ".toml", ".yaml")
    ),
]


@pytest.mark.parametrize("module", PUBLIC)
def test_what_is_public_is_listed_and_there(module: str) -> None:
    found = import_module(module)
    assert sorted(found.__all__) == sorted(PUBLIC[module].split())
    assert all(getattr(found, name) is not None for name in found.__all__)


def test_the_hooks_are_listed() -> None:
    hooks = {name for name, found in vars(hookspecs).items() if inspect.isfunction(found)}
    assert {name for name in hooks if name.startswith("mtl_")} == set(HOOKS.split())


def test_the_base_class_of_every_kind_is_public() -> None:
    from mtl import contracts
    from mtl.core.contracts import BUILT, contract_of

    assert all(getattr(contracts, contract_of(kind).__name__) is contract_of(kind) for kind in BUILT)


def test_what_is_not_public_is_no_attribute() -> None:
    from mtl import contracts

    with pytest.raises(AttributeError, match=r"module 'mtl\.contracts' has no attribute 'Registry'"):
        _ = contracts.Registry
    with pytest.raises(ImportError, match="cannot import name 'contract_of'"):
        exec("from mtl.contracts import contract_of")


def test_a_former_name_is_the_new_one_and_is_told() -> None:
    from mtl import contracts

    with pytest.warns(DeprecationWarning, match=r"contracts\.Room has become Storage; the old name is found"):
        assert contracts.Room is contracts.Storage
    with pytest.warns(DeprecationWarning, match="Answer has become Predict"):
        assert contracts.Answer is contracts.Predict
    assert not {"Room", "Answer"} & set(dir(contracts))


def test_records_hooks_and_forms_are_imported_without_torch() -> None:
    names = "Component, DatasetSpec, Form, Image, Values, hookimpl"
    code = f"import sys; from mtl.contracts import {names}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("path", FOR_AUTHORS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plugin_authors_are_shown_nothing_of_the_engine(path: Path) -> None:
    assert "mtl.core" not in path.read_text()


MTL = ("from mtl ", "from mtl.", "import mtl")


def test_the_examples_and_templates_import_nothing_else() -> None:
    lines = [
        line.strip()
        for path in FOR_AUTHORS
        if {"examples", "scaffold"} & set(path.parts)
        for line in path.read_text().splitlines()
    ]
    imports = {line.split(" import ")[0] for line in lines if line.startswith(MTL)}
    allowed = {"from mtl", "import mtl", "from mtl.contracts", "from mtl.testing"}
    assert {line.split("  #")[0] for line in imports} == allowed
