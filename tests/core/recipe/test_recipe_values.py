"""Values from files, flags and Python pass one bound before anything is made with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.core.base.errors import RecipeError, UsageError
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource, parse_recipe_text
from mtl.core.recipe.recipe_values import usable_from
from mtl.core.recipe.request import Request


def shared(levels: int) -> list[Any]:
    """Return a list whose values multiply: each level holds ten times the one below."""
    value: list[Any] = [1]
    for _ in range(levels):
        value = [value] * 10
    return value


def within_itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = value
    return value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (10**400, "a whole number of more than 64 bits is not usable"),
        (float("inf"), "inf is not a usable number"),
        ("a\0b", "text with a null character is not usable"),
        ("\ud800", "text that is no Unicode"),
        (object(), "a recipe holds text, numbers, lists and mappings, not object"),
        (shared(9), "more than 100,000 values"),
        (within_itself(), "more than 64 levels, or a section within itself"),
    ],
)
def test_what_nothing_can_be_made_with_is_refused(registry: Registry, value: Any, reason: str) -> None:
    with pytest.raises(RecipeError, match=r"^here"):
        usable_from("here", value)
    with pytest.raises(RecipeError) as caught:
        Request({"tasks": ["classify"], "train": {"epochs": value}}).source(registry)
    assert caught.value.message.startswith("recipe['train']['epochs']")
    assert reason in caught.value.message


def test_values_of_python_become_those_of_yaml() -> None:
    given = {"a": (1, 2), 3: np.float32(0.5), "b": np.arange(2), "c": {None: True}}
    assert usable_from("here", given) == {"a": [1, 2], "3": 0.5, "b": [0, 1], "c": {"None": True}}


def refused(text: str, registry: Registry) -> str:
    with pytest.raises(UsageError) as caught:
        read(parse_recipe_text(text, "a.yaml"), registry)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "tasks: {classify: {weight: " + "9" * 400 + "}}",
            "a.yaml:1:20: a whole number of more than 64 bits",
        ),
        ("normalization: {mean: [" + "9" * 400 + "]}", "a.yaml:1:24: a whole number of more than 64 bits"),
        ('dataset: {name: mnist, data_dir: "a\\0b"}', "a.yaml:1:24: text with a null character"),
        ('dataset: {name: mnist, data_dir: "\\ud800"}', "a.yaml:1:24: text that is no Unicode"),
    ],
)
def test_a_value_of_a_file_is_refused_at_its_place(registry: Registry, text: str, message: str) -> None:
    assert refused(text, registry).startswith(message)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("~nosuchuser/x", "~nosuchuser/x: no home folder is known for it"),
        ("/" + "a" * 5000, "/aaaaaaaaaaaaaaa...: File name too long"),
    ],
)
def test_a_path_that_is_none_is_refused_at_its_place(registry: Registry, folder: str, reason: str) -> None:
    found = refused(f"tasks: [classify]\ndataset: {{name: mnist, data_dir: {folder}}}", registry)
    assert found.startswith(f"a.yaml:2:24: dataset 'mnist': option 'data_dir': {reason}")


def test_of_many_mistakes_the_first_are_shown_and_the_others_counted(registry: Registry) -> None:
    for text in (
        "".join(f"k{number}: 1\n" for number in range(1000)),
        "tasks: [classify]\ntrain: {" + ", ".join(f"k{number}: 1" for number in range(1001)) + "}",
    ):
        found = refused(text, registry).splitlines()
        assert found[-1] in ("and 981 more mistakes", "and 980 more mistakes")
        assert len(found) < 50


def test_no_recipe_has_thousands_of_tasks(registry: Registry) -> None:
    names = ", ".join(f"t{number}: {{task: classify}}" for number in range(1001))
    assert refused(f"tasks: {{{names}}}", registry).startswith(
        "a.yaml:1:1: 1,001 tasks; at most 1,000 are read"
    )


def test_a_tasks_name_is_short_enough_for_a_file(registry: Registry) -> None:
    assert "100 at most" in refused(f"tasks: {{{'a' * 101}: {{task: classify}}}}", registry)


def test_an_assignment_below_a_thousand_keys_is_refused(registry: Registry) -> None:
    source = RecipeSource()
    source.set(".".join(["a"] * 1000) + "=1")
    with pytest.raises(RecipeError, match="more than 64 levels"):
        read(source, registry)


@pytest.mark.parametrize(
    "wrong", [{"recipe": 5}, {"recipe": ["classify"]}, {"tasks": 5}, {"tasks": "classify"}]
)
def test_what_is_no_recipe_and_no_list_of_tasks_is_refused(registry: Registry, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"^(a recipe is|tasks must be) a "):
        Request(**wrong).source(registry)
