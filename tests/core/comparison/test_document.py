"""docs/compare.md shows what was measured and nothing else."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "compare.md").read_text()


def loaded(name: str) -> ModuleType:
    """Return the script, which no installation has: only a clone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return import_module(f"benchmarks.{name}")


comparisons, verdicts = loaded("comparisons"), loaded("verdicts")


def test_the_document_is_what_the_kept_results_say() -> None:
    assert comparisons.document(TEXT) == TEXT


@pytest.mark.parametrize("name", comparisons.COMMANDS)
def test_kept_results_are_judged_by_the_rules_of_today(name: str) -> None:
    kept = json.loads((ROOT / "benchmarks" / "results" / f"comparison-{name}.json").read_text())
    anew = json.loads(json.dumps(comparisons.judged_anew(name, kept)["results"]))
    assert anew["verdicts"] == kept["results"]["verdicts"]
    assert anew["method"] == kept["results"]["method"]


def test_the_document_has_the_kept_figures_of_the_simulation() -> None:
    assert verdicts.document(TEXT, json.loads(verdicts.RESULTS.read_text())) == TEXT


@pytest.mark.slow
def test_the_simulation_repeats_its_kept_figures() -> None:
    kept = json.loads(verdicts.RESULTS.read_text())
    seeds, variants = 3, 8
    (known,) = [
        row for row in kept["nothing"] if (row["noise"], row["seeds"], row["variants"]) == ("normal", 3, 8)
    ]
    found = verdicts.nothing(verdicts.normal, seeds, variants, kept["tables"])
    assert found == {key: pytest.approx(known[key]) for key in found}
    assert found["verdict"] <= 0.06


@pytest.mark.parametrize("name", comparisons.COMMANDS)
def test_every_comparison_has_its_place(name: str) -> None:
    assert len(re.findall(f"<!-- measured: {name} -->", TEXT)) == 1


def test_a_kept_comparison_is_shown_with_its_command_table_and_verdicts(results: dict[str, Any]) -> None:
    shown = comparisons.markdown(
        {
            "command": "mtl compare --tasks even,third --sharing hard",
            "date": "2026-01-02",
            "judged": "2026-01-03",
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
