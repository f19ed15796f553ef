"""Recipe values remember where they were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.errors import UsageError
from mtl.core.recipe_source import RecipeSource, parse_recipe_text, read_recipe, write_yaml

TEXT = """\
dataset: digits
tasks:
  even: {task: multiple-of, of: 2}
train:
  epochs: 5
  learning_rate: 1e-3
"""


def test_positions_are_file_line_and_column() -> None:
    source = parse_recipe_text(TEXT, "a.yaml")
    assert source.where(("tasks", "even", "of")) == "a.yaml:3:29"
    assert source.where(("train", "epochs")) == "a.yaml:5:3"


def test_an_unknown_path_gets_the_position_around_it() -> None:
    assert parse_recipe_text(TEXT, "a.yaml").where(("train", "momentum")) == "a.yaml:4:1"


def test_numbers_are_read_as_yaml_1_2() -> None:
    tree = parse_recipe_text("a: 1e-3\nb: no\nc: 010\n", "x").tree
    assert tree == {"a": 0.001, "b": "no", "c": 10}


def test_set_wins_over_the_file_and_is_its_own_origin() -> None:
    source = parse_recipe_text(TEXT, "a.yaml")
    source.set("train.epochs=7")
    assert source.tree["train"]["epochs"] == 7
    assert source.where(("train", "epochs")) == "--set train.epochs"


def test_set_turns_a_name_into_a_section() -> None:
    source = RecipeSource({"encoder": "mlp", "tasks": ["classify", {"third": {"task": "multiple-of"}}]})
    source.set("encoder.hidden=[8, 4]")
    source.set("tasks.third.of=3")
    source.set("tasks.classify.weight=0.5")
    assert source.tree == {
        "encoder": {"name": "mlp", "hidden": [8, 4]},
        "tasks": {"classify": {"weight": 0.5}, "third": {"task": "multiple-of", "of": 3}},
    }


@pytest.mark.parametrize("assignment", ["train.epochs", "=3", "train..epochs=1"])
def test_what_is_no_assignment_is_refused(assignment: str) -> None:
    with pytest.raises(UsageError, match="is not an assignment"):
        RecipeSource().set(assignment)


def test_nothing_can_be_set_below_a_list() -> None:
    source = RecipeSource({"augmentations": ["flip"]})
    with pytest.raises(UsageError, match="nothing can be set below it"):
        source.set("augmentations.flip.horizontal=1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: [a\n", "a.yaml:2:1: not valid YAML"),
        ("a: 1\na: 2\n", "a.yaml:2:1: not valid YAML: found duplicate key"),
        ("a:\n\t- 1\n", "a.yaml:2:1: not valid YAML"),
        ("", "a.yaml: a recipe is a mapping; this file is empty"),
        ("- 1\n", "a.yaml: a recipe is a mapping; this file holds a list"),
        ("seed: .nan\n", "a.yaml:1:1: nan is not a usable number"),
        ("seed: !!python/object:os.system x\n", "a.yaml:1:1: a recipe holds text"),
    ],
)
def test_unreadable_yaml_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_recipe_text(text, "a.yaml")
    assert str(caught.value).startswith(message)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"it is not UTF-8 text \(byte 0\)"):
        read_recipe(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_recipe(tmp_path / "none.yaml")


keys = st.text("abcdefgh-_", min_size=1, max_size=8)
leaves = (
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=20) | st.floats(-1e6, 1e6)
)
trees = st.dictionaries(
    keys,
    st.recursive(leaves, lambda t: st.lists(t, max_size=3) | st.dictionaries(keys, t, max_size=3)),
    min_size=1,
)


@given(trees)
@settings(deadline=None, max_examples=100)
def test_what_is_written_is_read_again(tree: dict[str, Any]) -> None:
    assert parse_recipe_text(write_yaml(tree), "x").tree == tree
