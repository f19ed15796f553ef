"""All targets, by name."""

from __future__ import annotations

from pathlib import Path

from .data_files import data_files
from .model_files import model_files
from .recipes import recipes
from .requests import requests
from .run_files import run_files
from .tables import tables
from .target import Target


def all_targets(work: Path) -> dict[str, Target]:
    """Return the targets; good files are made once, in a folder."""
    from ..reliability.jobs import composed

    run = composed(work / "good", epochs=1)
    found = [*recipes(), *data_files(), *tables(), *run_files(run), *model_files(run), *requests()]
    return {target.name: target for target in found}
