"""What follows from trainings whose results are made up: the JSON, the sentences, the tables, the page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from xml.etree import ElementTree

import pytest

from mtl.core.affinity.layout import Layout, lay_out_groups
from mtl.core.affinity.page import page
from mtl.core.affinity.picture import picture, standalone
from mtl.core.affinity.results import affinity_results
from mtl.core.affinity.tables import grouping_rows, pair_rows
from mtl.core.comparison.grid import Question
from mtl.core.comparison.outcomes import Outcome
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.request import Request

TASKS = ("even", "third", "classify")
ALONE = {"even": 0.8, "third": 0.5, "classify": 0.4}
TOGETHER: dict[str, dict[str, float]] = {
    "even + third": {"even": 0.84, "third": 0.55},  # +5 %, +10 %
    "even + classify": {"even": 0.72, "classify": 0.44},  # -10 %, +10 %
    "third + classify": {"third": 0.5, "classify": 0.4},
    "even + third + classify": {"even": 0.8, "third": 0.5, "classify": 0.36},  # 0, 0, -10 %
}
COSINES = {"cosine/even/third": 0.5, "cosine/even/classify": -0.25, "cosine/third/classify": 0.0}
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def layout(registry: Registry) -> Layout:
    flags = {"encoder": {"name": "mlp", "hidden": [8]}, "epochs": 1}
    return lay_out_groups(Question(Request(tasks=TASKS, flags=flags), seeds=SEEDS), registry, "2.5x")


def outcomes_of(layout: Layout, wrong: str | None = None) -> dict[str, Outcome]:
    """Results of every cell: those above, each seed a little further, and what the history says."""
    found = {}
    for cell in layout.grid.cells:
        step = 0.001 * (cell.seed - 1)
        values: Mapping[str, float] = {cell.task: ALONE[cell.task]} if cell.task else TOGETHER[cell.title]
        metrics = {task: {"accuracy": value + step} for task, value in values.items()}
        row = {"epoch": 1, "affinity/even/third": 0.02 + step, "affinity/third/even": 0.01, **COSINES}
        training = {"seconds": 1.0, "epochs": 1, "chosen_epoch": 1}
        failed = cell.title == wrong
        found[cell.key] = (
            Outcome(cell, "cells/x", "failed", "it broke")
            if failed
            else Outcome(cell, "cells/x", "trained", None, metrics, training, [row])
        )
    return found


@pytest.fixture(scope="module")
def made(layout: Layout) -> dict[str, Any]:
    return affinity_results(layout, outcomes_of(layout), [], len(SEEDS))


@pytest.fixture
def results(made: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(made)


def test_every_task_is_trained_alone_in_pairs_and_with_all_others(layout: Layout) -> None:
    assert [variant.name for variant in layout.grid.variants] == list(TOGETHER)
    assert len(layout.grid.cells) == len(SEEDS) * (3 + 3 + 1)
    assert layout.grid.comparisons == 2 * 3 + 3


def test_only_the_training_of_all_tasks_measures_lookahead(layout: Layout) -> None:
    looks = {cell.title: cell.recipe.train.lookahead for cell in layout.grid.cells if not cell.task}
    assert looks == {name: 4 if name == " + ".join(TASKS) else 0 for name in TOGETHER}
    assert {cell.recipe.train.lookahead for cell in layout.grid.cells if cell.task} == {0}


def test_the_best_grouping_is_the_pair_that_gains_and_the_rest_alone(results: dict[str, Any]) -> None:
    best = results["rankings"]["gain"]["best"]
    assert best["groups"] == [["even", "third"], ["classify"]]
    assert best["gain"] == pytest.approx((5 + 10 + 0) / 3)
    assert best["interval"][0] < 5 < best["interval"][1]
    assert best["chosen"] > 0.95
    assert best["measured"]


def test_single_tasks_are_beyond_this_budget_and_told_beside_it(results: dict[str, Any]) -> None:
    ranking = results["rankings"]["gain"]
    assert (ranking["within_budget"], ranking["of"]) == (4, 5)
    assert [one["name"] for one in ranking["ends"]] == ["even | third | classify"]
    _, rows = grouping_rows(results)
    assert [row[0] for row in rows if row[-1] == "over the budget"] == ["even | third | classify"]


def test_lookahead_of_a_pair_is_what_the_task_gets_from_the_other(results: dict[str, Any]) -> None:
    pair = results["pairs"][0]
    assert pair["affinity"] == {"even": pytest.approx(0.01), "third": pytest.approx(0.02)}
    assert pair["cosine"] == {"even": 0.5, "third": 0.5}
    _, rows = pair_rows(results)
    assert rows[0][:2] == ["even", "third"]
    assert rows[0][3:] == ["points", "+5.00", "+1.000", "+0.500"]


def test_pairs_foretell_all_tasks_together_and_are_held_against_it(results: dict[str, Any]) -> None:
    told = results["foretold"]
    assert told["measured"] == pytest.approx(-10 / 3)
    assert told["foretold"] == pytest.approx(((5 - 10) / 2 + (10 + 0) / 2 + (10 + 0) / 2) / 3)


def test_the_first_sentence_names_grouping_price_and_certainty(results: dict[str, Any]) -> None:
    first = results["verdicts"][0]
    assert "even and third together, classify alone" in first
    assert f"{results['rankings']['gain']['best']['parameters']:,} parameters" in first
    assert "times in 100" in first
    assert any(text.startswith("even + third beats single-task on even") for text in results["verdicts"])


def test_a_pair_that_failed_is_in_no_grouping(layout: Layout) -> None:
    found = affinity_results(layout, outcomes_of(layout, "even + third"), [], len(SEEDS))
    names = [one["name"] for one in found["rankings"]["gain"]["first"]]
    assert "even + third | classify" not in names
    assert any("3 of 21 trainings failed" in note for note in found["notes"])
    assert found["groups"][0]["sentence"] == "even + third: failed: it broke"
    assert "it broke" in page(found)


def test_one_seed_has_no_interval(registry: Registry) -> None:
    flags = {"encoder": {"name": "mlp", "hidden": [8]}, "epochs": 1}
    alone = lay_out_groups(Question(Request(tasks=TASKS, flags=flags), seeds=(0,)), registry)
    found = affinity_results(alone, outcomes_of(alone), [], 1)
    assert found["rankings"]["gain"]["best"]["interval"] is None
    assert "one seed says nothing" in found["verdicts"][0]
    assert "1 seed: nothing is sure below 3" in page(found)


def test_the_page_is_sound_and_holds_every_sentence(results: dict[str, Any]) -> None:
    results = json.loads(json.dumps(results))
    text = page(results)
    body = text[text.index("<body>") : text.index("</html>")]
    tree = ElementTree.fromstring(re.sub(r"<(br|img [^>]*)>", r"<\1/>", body.replace(" open>", ' open="">')))
    words = "".join(tree.itertext())
    assert all(sentence in words for sentence in results["verdicts"])
    ids = {item.get("id") for item in tree.iter() if item.get("id")}
    assert {link.get("href", "")[1:] for link in tree.iter("a")} <= ids
    assert "http" not in text


def test_names_of_tasks_cannot_break_the_page(results: dict[str, Any]) -> None:
    evil = json.loads(json.dumps(results).replace("even", "<b>&amp;"))
    assert "<b>" not in page(evil)
    ElementTree.fromstring(standalone(picture(evil)))
