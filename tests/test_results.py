"""docs/results.md says what the result files say, for every shipped recipe."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.request import Request
from mtl.plugins import recipes

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "results" / "experiments"


@pytest.fixture
def results_page(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script that makes the page; the folder of benchmarks is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.results_page")


def run_of(seed: int, even: float, third: float) -> dict[str, Any]:
    """A run as a result file keeps it."""
    return {
        "seed": seed,
        "seconds": 1.0,
        "hardware": "a machine",
        "date": "2026-01-01",
        "commit": "0123456789abcdef",
        "onnx_difference": 0.0,
        "test": {"even": {"accuracy": even}, "third": {"accuracy": third}},
    }


def test_the_page_is_what_the_result_files_say(results_page: Any) -> None:
    found = results_page.read_results(FOLDER)
    assert (ROOT / "docs" / "results.md").read_text() == results_page.page(found)


def test_the_table_of_the_readme_is_what_the_result_files_say(results_page: Any) -> None:
    found = results_page.read_results(FOLDER)
    text = (ROOT / "README.md").read_text()
    assert text == results_page.with_summary(text, found)


def test_the_first_table_of_the_readme_is_what_its_runs_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    first_runs = importlib.import_module("benchmarks.first_runs")
    text = (ROOT / "README.md").read_text()
    assert text == first_runs.document(text, json.loads(first_runs.RESULTS.read_text()))


def test_the_table_of_own_data_is_what_its_run_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    own_data = importlib.import_module("benchmarks.own_data")
    text = (ROOT / "docs" / "data.md").read_text()
    assert text == own_data.document(text, json.loads(own_data.RESULTS.read_text()))


def test_every_shipped_recipe_belongs_to_an_experiment(results_page: Any) -> None:
    used = {
        recipe
        for experiment in results_page.EXPERIMENTS
        for variant in experiment.variants
        for recipe in (variant.original, variant.best)
        if recipe is not None
    }
    assert used == {component.name for component in recipes.COMPONENTS}


def test_seeds_are_averaged_and_held_against_the_target(results_page: Any) -> None:
    runs = [run_of(0, 0.98, 0.99), run_of(1, 0.99, 0.99)]
    row = table_row(results_page.page({"mnist-even-third": {"runs": runs}}), "hard sharing")
    nothing = results_page.ABSENT
    assert row == (
        f"| hard sharing | average accuracy | {nothing} | 98.44 % | 98.75 % ± 0.35 (2) | {nothing} "
        "| ≥ 98.60 %: reached |"
    )
    poor = results_page.page({"mnist-even-third": {"runs": [run_of(0, 0.9, 0.9)]}})
    assert table_row(poor, "hard sharing").endswith(f"| 90.00 % (1) | {nothing} | ≥ 98.60 %: **missed** |")


def table_row(page: str, start: str) -> str:
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {start} | average")]
    return row


def test_a_training_cut_short_is_marked(results_page: Any) -> None:
    short = run_of(0, 0.9, 0.9) | {"epochs": 2, "recipe_epochs": 20}
    page = results_page.page({"mnist-even-third": {"runs": [short]}})
    row = table_row(page, "hard sharing")
    assert "90.00 % (1; 2 of 20 epochs)" in row
    assert row.endswith("≥ 98.60 % |")  # no verdict on what was no attempt


def test_the_readme_leaves_out_a_training_cut_short(results_page: Any) -> None:
    whole = run_of(0, 0.98, 0.98)
    for epochs, shown in ((2, results_page.ABSENT), (20, "90.00 % (1)")):
        run = run_of(0, 0.9, 0.9) | {"epochs": epochs, "recipe_epochs": 20}
        results = {"mnist-even-third": {"runs": [run]}, "mnist-even-third-mlp-best": {"runs": [whole]}}
        text = results_page.with_summary("<!-- results: summary -->\n<!-- end -->", results)
        assert f"| average accuracy | 98.44 % | {shown} | 98.00 % (1) |" in text


def test_every_table_names_the_source_of_its_published_figures(results_page: Any) -> None:
    for experiment in results_page.EXPERIMENTS:
        published = any(variant.published for variant in experiment.variants)
        assert experiment.source.startswith("Published figures: ")
        assert ("none" in experiment.source) != published
        assert experiment.source in results_page.page({})


def test_another_precision_is_marked(results_page: Any) -> None:
    run = run_of(0, 0.9, 0.9) | {"precision": "bf16", "recipe_precision": "float32"}
    page = results_page.page({"mnist-even-third": {"runs": [run]}})
    assert "| 90.00 % (1; bf16) |" in table_row(page, "hard sharing")


def test_doing_nothing_stands_beside(results_page: Any) -> None:
    run = run_of(0, 0.9, 0.9) | {
        "test": {"denoise": {"psnr": 29.0}},
        "baseline": {"denoise": {"psnr": 22.65}},
    }
    page = results_page.page({"mnist-denoise": {"runs": [run]}})
    assert "| denoising alone | denoised PSNR | 22.65 dB |" in page


def test_runs_of_other_machines_are_told_apart(results_page: Any) -> None:
    runs = [run_of(0, 0.9, 0.9), run_of(1, 0.9, 0.9), run_of(2, 0.9, 0.9) | {"hardware": "another"}]
    page = results_page.page({"mnist-even-third": {"runs": runs}})
    lines = [line for line in page.splitlines() if line.startswith("- `mnist-even-third`: ")]
    assert [line.split(":")[1].split(",")[0].strip() for line in lines] == ["seeds 0", "seeds 2"]
    assert "another" in lines[1]


@pytest.mark.parametrize(("decibels", "verdict"), [(29.95, "reached"), (29.85, "**missed**")])
def test_a_second_task_may_cost_so_much(results_page: Any, decibels: float, verdict: str) -> None:
    def result(value: float) -> dict[str, Any]:
        return {"runs": [run_of(0, 0.9, 0.9) | {"test": {"denoise": {"psnr": value}}}]}

    page = results_page.page({"mnist-denoise-classify": result(decibels), "mnist-denoise": result(30.0)})
    (line,) = [line for line in page.splitlines() if line.startswith("- denoised PSNR")]
    assert line == (
        "- denoised PSNR, as the original: both tasks against denoising alone "
        f"{decibels - 30:+.2f} dB (at most 0.1 worse: {verdict})"
    )


def test_seconds_of_the_processor_are_told_where_they_were_taken(results_page: Any) -> None:
    runs = [run_of(0, 0.9, 0.9), run_of(1, 0.9, 0.9) | {"cpu_seconds": 2.5}]
    page = results_page.page({"mnist-even-third": {"runs": runs}})
    assert "seeds 0, 1, 1 s per training (2.5 s of CPU) on a machine" in page
    assert "s of CPU)" not in results_page.page({"mnist-even-third": {"runs": runs[:1]}}).partition("- `")[2]


def test_no_verdict_on_a_gap_to_a_training_cut_short(results_page: Any) -> None:
    def result(**changes: Any) -> dict[str, Any]:
        return {"runs": [run_of(0, 0.9, 0.9) | {"test": {"denoise": {"psnr": 30.0}}} | changes]}

    short = result(epochs=2, recipe_epochs=20)
    page = results_page.page({"mnist-denoise-classify": short, "mnist-denoise": result()})
    assert "at most 0.1 worse" not in page


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_a_result_is_of_the_recipe_as_it_is_shipped(file: Path, registry: Registry) -> None:
    """A recipe changed since, or an option's default, makes its old figures worthless."""
    result = json.loads(file.read_text())
    for run in result["runs"]:
        flags = {"data_dir": "data", "epochs": run.get("epochs"), "precision": run.get("precision")}
        given = {name: value for name, value in flags.items() if value is not None}
        request = Request(result["recipe"], None, given, tuple(run["settings"]))
        recipe = read(request.source(registry), registry)
        assert run["experiment"] == replace(recipe, seed=0).hash()
