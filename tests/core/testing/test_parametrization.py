"""The kit as a pytest decorator."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.testing import parametrize_with_checks

METRICS = """
import torch
from mtl import Component, hookimpl
from mtl.core.contracts import Metric

@hookimpl
def mtl_components():
    for name in ("Good", "Wrong", "Choosy"):
        yield Component("metric", name.lower(), "A metric", f"{__name__}:{name}")

class Good(Metric):
    bounds = (0.0, 1.0)
    def update(self, prediction, target): pass
    def compute(self): return torch.tensor(0.5)
    def reset(self): pass

class Wrong(Good):
    def compute(self): return torch.tensor(2.0)

class Choosy(Good):
    accepts = classmethod(lambda cls, target: "nothing suits")
"""
TESTS = """
import sys
sys.path.insert(0, {site!r})
from mtl.core.testing import parametrize_with_checks

@parametrize_with_checks(["metric wrong"])
def test_plain(component, check):
    check(component)

@parametrize_with_checks(["metric wrong"], expected_failures={{"value-lies-in-its-range": "counts twice"}})
def test_expected(component, check):
    check(component)

@parametrize_with_checks(["metric good"], expected_failures={{"good:value-lies-in-its-range": "was wrong"}})
def test_mended(component, check):
    check(component)

@parametrize_with_checks(["metric choosy"], expected_failures={{"value-lies-in-its-range": "refuses"}})
def test_skipped(component, check):
    check(component)
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run a plugin's own conformance tests in a process of their own; return what pytest says of each."""
    site = tmp_path_factory.mktemp("site")
    info = site / "own_plugin-1.0.dist-info"
    info.mkdir()
    (site / "own_plugin.py").write_text(METRICS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mtl]\nown = own_plugin\n")
    (site / "test_own.py").write_text(TESTS.format(site=str(site)))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "test_own.py",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=site)
    lines = [line for line in done.stdout.splitlines() if "test_own.py::" in line]
    outcomes = {line.split("::")[1].split(" ")[0]: line.split(" ")[0] for line in lines}
    return {**outcomes, "text": done.stdout}


CHECK = "[metric-{}-value-lies-in-its-range]"


def test_a_failing_check_fails_its_test_with_the_message(outcome: dict[str, str]) -> None:
    assert outcome["test_plain" + CHECK.format("wrong")] == "FAILED"
    assert outcome["test_plain[metric-wrong-options-are-described]"] == "PASSED"
    assert "what to do: mend `compute`, or declare the range of its values" in outcome["text"]


def test_an_expected_failure_with_a_reason_passes(outcome: dict[str, str]) -> None:
    assert outcome["test_expected" + CHECK.format("wrong")] == "XFAIL"
    assert "counts twice" in outcome["text"]


def test_an_expected_failure_that_passes_is_a_failure(outcome: dict[str, str]) -> None:
    assert outcome["test_mended" + CHECK.format("good")] == "FAILED"
    assert "[XPASS(strict)] was wrong" in outcome["text"]


def test_an_expected_failure_that_is_skipped_is_a_failure(outcome: dict[str, str]) -> None:
    assert outcome["test_skipped" + CHECK.format("choosy")] == "FAILED"
    assert "value-lies-in-its-range is expected to fail, and is skipped" in outcome["text"]


@pytest.mark.parametrize("reason", ["", "  ", None])
def test_an_expected_failure_without_a_reason_is_refused(reason: str | None) -> None:
    with pytest.raises(UsageError, match="'overfits-eight-samples' has no reason"):
        parametrize_with_checks(["balancer sum"], expected_failures={"overfits-eight-samples": reason})  # type: ignore[dict-item]


def test_an_expected_failure_of_an_unknown_check_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'overfits-eight-samples'"):
        parametrize_with_checks(["balancer sum"], expected_failures={"overfit-eight-samples": "slow"})


def test_a_name_alone_is_not_taken_for_a_list_of_letters() -> None:
    with pytest.raises(UsageError, match="names must be a list"):
        parametrize_with_checks("sum")


def test_the_kit_imports_pytest_only_where_it_is_used() -> None:
    for path in (Path(__file__).parents[3] / "core" / "testing").glob("*.py"):
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import)]
        assert "pytest" not in {alias.name for node in tops for alias in node.names}
