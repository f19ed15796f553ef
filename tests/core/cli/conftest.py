"""The command line, run in this process as a user would run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mtl.core.cli.main import run

QUICK = ("--set", "train.validation=0.8", "--device", "cpu")
"""Most of the training split for validation: an epoch takes a moment."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `denoise,classify`, not to be changed."""
    path = tmp_path_factory.mktemp("demo") / "demo"
    status = run(["compose", "--tasks", "denoise,classify", "--epochs", "2", "--out", str(path), *QUICK])
    assert status == 0
    return path


@pytest.fixture
def demo_copy(demo: Path, tmp_path: Path) -> Path:
    """A copy of the finished run at `runs/demo` of the current folder, with an image of a digit beside."""
    shutil.copytree(demo, tmp_path / "runs" / "demo")
    from PIL import Image
    from sklearn.datasets import load_digits

    pixels = (load_digits().images[3] * 15.9).astype("uint8")
    Image.fromarray(pixels).resize((28, 28)).save(tmp_path / "digit.png")
    return tmp_path / "runs" / "demo"
