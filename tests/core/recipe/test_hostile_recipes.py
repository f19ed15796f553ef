"""Whatever stands in a recipe, it is read or refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl.core.base.errors import RecipeError
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource, parse_recipe_text, read_recipe
from mtl.core.recipe.shipped_recipes import recipe_text

from ...hostile import TIMES, attack, mutated, reworded

WORDS = [
    *("", " ", "\n", "\t", "- ", ": ", "{", "}", "[", "]", ",", "#", "|", ">", "\0", "\ufeff", "\x85"),
    *("!!int x", "!!float x", "!!bool x", "!foo ", "!!set {a}", "!!omap [a: 1]", "!!binary aGVsbG8="),
    *("&a ", "*a", "&a [*a, *a]", "<<: *a", "<<: 3", "? [a]", "--- ", "%YAML 1.1\n---\n", '"\\ud800"'),
    *("9" * 400, "9" * 5000, "1e400", ".nan", "-1", "0x1F", "2020-01-01", "~nosuchuser/x", '"\\U99999999"'),
    *("name", "tasks", "train", "encoder", "dataset", "weight", "null", "true", "a" * 300, "[" * 300),
]


def places(job: Callable[[], object]) -> list[str]:
    """Return where the problems that a job is refused for were written."""
    try:
        job()
    except RecipeError as refusal:
        # What is missing stands nowhere.
        return [problem.where or problem.message for problem in refusal.problems]
    return []


@pytest.mark.parametrize("times", TIMES)
def test_a_reworded_recipe_is_read_or_refused_with_its_place(registry: Registry, times: int) -> None:
    texts = [recipe_text(registry, name) for name in registry.names("recipe")]

    def check(text: str) -> None:
        for place in places(lambda: read(parse_recipe_text(text, "a.yaml"), registry)):
            assert place.startswith("a.yaml") or place == "no tasks are named"

    attack(times, reworded(texts, WORDS), check)


@pytest.mark.parametrize("times", TIMES)
def test_any_assignment_is_taken_or_refused(registry: Registry, times: int) -> None:
    def check(value: str) -> None:
        source = RecipeSource({"tasks": ["classify"]})
        refused = places(lambda: source.set(f"train.milestones={value}"))
        for place in refused or places(lambda: read(source, registry)):
            assert place.startswith("--set train.milestones")

    attack(times, reworded(["[1, 2]", "{a: [1, {b: c}]}", "5"], WORDS), check)


@pytest.mark.parametrize("times", TIMES)
def test_any_bytes_are_a_recipe_or_refused(tmp_path: Path, times: int) -> None:
    path = tmp_path / "a.yaml"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        assert all(place.startswith(str(path)) for place in places(lambda: read_recipe(path)))

    attack(times, mutated(["seed: 1\ntasks:\n  - \u00e9: {weight: 2.5}\n".encode()]), check)
