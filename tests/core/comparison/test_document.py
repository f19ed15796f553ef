"""docs/compare.md shows what was measured and nothing else."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "compare.md").read_text()


def loaded() -> ModuleType:
    """Return the script, which no installation has: only a clone."""
    spec = spec_from_file_location("comparisons", ROOT / "benchmarks" / "comparisons.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


comparisons = loaded()


def test_the_document_is_what_the_kept_results_say() -> None:
    assert comparisons.document(TEXT) == TEXT


@pytest.mark.parametrize("name", comparisons.COMMANDS)
def test_every_comparison_has_its_place(name: str) -> None:
    assert len(re.findall(f"<!-- measured: {name} -->", TEXT)) == 1


def test_a_kept_comparison_is_shown_with_its_command_table_and_verdicts(results: dict[str, Any]) -> None:
    shown = comparisons.markdown(
        {
            "command": "mtl compare --tasks even,third --sharing hard",
            "date": "2026-01-02",
            "machine": "2 cores",
            "versions": {"torch": "2.14"},
            "results": results,
        }
    )
    lines = shown.splitlines()
    assert lines[0] == "    mtl compare --tasks even,third --sharing hard"
    rows = [line for line in lines if line.startswith("| ")]
    assert len({row.count("|") for row in rows}) == 1
    assert [line for line in lines if line.startswith("- ")] == [f"- {said}" for said in results["verdicts"]]
