"""All targets, by name."""

from __future__ import annotations

from .data_files import data_files
from .good_run import GoodRun
from .masks import masks
from .model_files import model_files
from .recipes import recipes
from .requests import requests
from .run_files import run_files
from .tables import tables
from .target import Target


def all_targets(good: GoodRun) -> dict[str, Target]:
    """Return the targets; the good files need not be there yet."""
    found = [
        *recipes(),
        *data_files(),
        *tables(good),
        *masks(),
        *run_files(good),
        *model_files(good),
        *requests(),
    ]
    return {target.name: target for target in found}
