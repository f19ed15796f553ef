"""Programs that import modules by their former names go on, and are told."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, warnings
warnings.simplefilter("error")
from mtl.core.running import pipeline
spec = pipeline.__spec__
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    from mtl.core.pipeline import Pipeline
    from mtl.core import registry
    from mtl.core.data import Splits
    import mtl.core.pipeline as again
assert Pipeline is pipeline.Pipeline and again is pipeline and pipeline.__spec__ is not None
assert pipeline.__spec__.name == spec.name == "mtl.core.running.pipeline"
assert registry.__name__ == "mtl.core.discovery.registry"
assert Splits.__module__ == "mtl.core.data.samples"
print(*sorted({str(warning.message) for warning in told}), sep="\\n")
"""


def test_a_former_name_is_the_very_module_and_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("mtl.core.pipeline has become mtl.core.running.pipeline; the old name is")


def test_what_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"mtl\.core\.sideways"):
        __import__("mtl.core.sideways")
    with pytest.raises(ImportError, match="cannot import name 'Sideways'"):
        exec("from mtl.core.data import Sideways")
