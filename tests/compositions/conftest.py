"""Small data for every composition, and the seed of those drawn anew in this run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from .small_data import write_small_data

FRESH = "MTL_COMPOSITION_SEED"


def fresh_seed() -> int:
    """Return the seed of this run: one for all of its workers, another in every run."""
    given = os.environ.get(FRESH)
    if given is None:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
        given = str(int(run[:8], 16) if run else int(time.time()))
        os.environ[FRESH] = given
    return int(given)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The `dataset` sections of the data sets that are written for the tests, by name."""
    folder: Path = tmp_path_factory.mktemp("small-data")
    return write_small_data(folder)
