"""The page of a comparison: sound, self-contained, and true to compare.json."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from mtl.core.comparison.comparison import Comparison
from mtl.core.comparison.page import page

Results = dict[str, Any]
EVIL = "<b onclick='x'>&\"</script>"


def parsed(text: str) -> ElementTree.Element:
    """Return the body as XML: every element closes, every attribute is quoted."""
    body = text[text.index("<body>") : text.index("</html>")]
    return ElementTree.fromstring(re.sub(r"<(br|img [^>]*)>", r"<\1/>", body.replace(" open>", ' open="">')))


def sections(text: str) -> list[str]:
    return [item.get("id", "") for item in parsed(text).iter("section") if item.get("id")]


def test_the_page_of_a_comparison_is_written_beside_it(trained: Comparison) -> None:
    assert (trained.path / "report.html").read_text() == page(trained.results)


def test_the_sections_are_those_there_is_something_for(results: Results) -> None:
    known = ["results", "intervals", "trade-off", "cost", "curves", "cells", "method"]
    for row in results["variants"]:
        row["curves"] = {key: value for key, value in row["curves"].items() if not key.startswith("cosine/")}
    assert sections(page(results)) == known
    point = {"epoch": 1, "mean": -0.5, "low": -0.7, "high": -0.2, "n": 3}
    for epoch in (1, 2):
        results["variants"][0]["curves"].setdefault("cosine/even/third", []).append({**point, "epoch": epoch})
        results["variants"][0]["curves"].setdefault("weight/even", []).append({**point, "epoch": epoch})
    results["variants"][1] |= {"status": "not applicable", "reason": "needs shared parameters"}
    found = sections(page(results))
    assert [name for name in found if name not in known] == ["conflict", "weights", "untrained"]


def test_every_verdict_and_value_is_on_the_page(results: Results) -> None:
    text = "".join(parsed(page(results)).itertext())
    for row in results["variants"]:
        assert row["sentence"] in text
        for task in row["tasks"].values():
            assert f"{100 * task['value']['mean']:.2f} %" in text


def test_links_lead_to_sections_and_pictures_are_told_in_words(results: Results) -> None:
    body = parsed(page(results))
    ids = {item.get("id") for item in body.iter() if item.get("id")}
    assert {link.get("href", "")[1:] for link in body.iter("a")} <= ids
    drawings = list(body.iter("svg"))
    # Two tasks: gains and delta-m, one trade-off, two curves of two variants, one conflict.
    assert len(drawings) == 3 + 1 + 4 + 1
    assert all(item.get("role") == "img" and item.get("aria-label") for item in drawings)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(results: Results) -> None:
    text = page(results)
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import", text)


def test_names_cannot_break_the_page(results: Results) -> None:
    results["variants"][0] |= {"name": EVIL, "reason": EVIL, "sentence": f"{EVIL}: no evidence"}
    results["notes"] = [EVIL]
    for item in results["single_task"]:
        item["variants"] = [EVIL, "none"]
    results["pareto"][0]["front"] = [EVIL]
    text = page(results)
    assert EVIL not in text
    assert "<b onclick" not in text
    assert EVIL in "".join(parsed(text).itertext())


@pytest.mark.parametrize("directions", [("lower", "higher"), ("higher", "lower"), ("lower", "lower")])
def test_better_is_up_and_to_the_right_whatever_the_direction(
    directions: tuple[str, str], results: Results
) -> None:
    for yardstick, direction in zip(results["tasks"].values(), directions, strict=True):
        yardstick |= {"direction": direction, "scale": 1.0}
    first, second = results["variants"]
    for task, direction in zip(results["tasks"], directions, strict=True):
        good, poor = (0.2, 0.8) if direction == "lower" else (0.8, 0.2)
        first["tasks"][task]["value"]["mean"], second["tasks"][task]["value"]["mean"] = good, poor
    spots = {}
    for group in parsed(page(results)).iter("g"):
        if (group.get("class") or "").startswith("spot"):
            circle, mark = group.find("circle"), group.find("text")
            assert circle is not None
            assert mark is not None
            spots[mark.text] = float(circle.get("cx", "")), float(circle.get("cy", ""))
    assert spots["1"][0] > spots["2"][0]
    assert spots["1"][1] < spots["2"][1]


def test_one_seed_is_told_at_the_top(results: Results) -> None:
    results["seeds"] = [0]
    results["method"]["enough_seeds"] = False
    assert "Nothing can be concluded from 1 seed: 3 are the least" in page(results)


def test_a_comparison_in_which_nothing_was_trained_still_has_a_page(results: Results) -> None:
    for row in results["variants"]:
        row |= {"tasks": {}, "curves": {}, "seconds": None, "delta_m": None, "status": "failed"}
        row |= {"reason": "no luck"}
    results |= {"pareto": [], "cells": []}
    for item in results["single_task"]:
        item |= {"value": None, "seconds": None, "curves": {}}
    assert sections(page(results)) == ["results", "cost", "untrained", "cells", "method"]
