"""Checks by exporting a whole model with the component in it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from ..base.errors import MissingRequirementError, MtlError, VerificationError
from ..contracts import ExportReport
from ..running.exporting import export, export_subject
from .checks import CheckFailed, CheckSkipped, check, require
from .placements import TASK, Placement, placed
from .subjects import Subject


@check("encoder", "head", "sharing", "task")
def check_exports_and_agrees(subject: Subject) -> None:
    """The exported model computes the same numbers as the component, for batches of 1, 2, 7 and more."""
    placement = placed(subject)
    composition = placement.composition
    task = composition.tasks[TASK].task
    if subject.kind == "task" and not (task.prepares or task.inputs):
        raise CheckSkipped("it adds nothing to the exported model")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / composition.exporter.file_name
        try:
            export(composition, placement.eight, {}, path)
        except MtlError as error:
            raise CheckFailed(
                "an export that computes what the model computes, for batches of 1, 2 and 7",
                error.message.splitlines()[0],
                "use tensor operations only: no Python branches or loops over values or over the batch",
            ) from error


@check("exporter")
def check_exports_and_verifies(subject: Subject) -> None:
    """The exporter publishes its files, the model first, and its own `verify` accepts them."""
    placement = placed(subject)
    composition = placement.composition
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / composition.exporter.file_name
        report = _exported(placement, path)
        missing = [str(file) for file in report.files if not file.exists()]
        require(
            not missing and report.files and report.files[0] == path,
            f"files, {path.name} the first",
            f"{[file.name for file in report.files]}, missing: {missing or 'none'}",
            "write to the path you are given, and report every file",
        )
        composition.exporter.verify(export_subject(composition, placement.eight, {}), path)


@check("exporter")
def check_another_model_is_refused(subject: Subject) -> None:
    """`verify` refuses a file that does not compute what the model computes."""
    placement = placed(subject)
    composition = placement.composition
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / composition.exporter.file_name
        _exported(placement, path)
        with torch.no_grad():
            for parameter in composition.model.parameters():
                parameter.mul_(1.1).add_(0.05)
        try:
            composition.exporter.verify(export_subject(composition, placement.eight, {}), path)
        except VerificationError:
            return
    raise CheckFailed(
        "VerificationError for the file of a model with other weights",
        "it was accepted",
        "run the file and compare its outputs with the model's",
    )


def _exported(placement: Placement, path: Path) -> ExportReport:
    try:
        return export(placement.composition, placement.eight, {}, path)
    except MissingRequirementError as error:
        raise CheckSkipped(f"it cannot export here: {error.message}") from None
