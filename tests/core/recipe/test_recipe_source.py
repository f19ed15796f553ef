"""Recipe values remember where they were written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import RecipeError, UsageError
from mtl.core.recipe.recipe_source import RecipeSource, parse_recipe_text, read_recipe, write_yaml

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


LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 8)
)
MERGES = "a0: &a0 {" + ",".join(f"k{key}: 1" for key in range(50)) + "}\n"
MERGES += "".join(f"a{n}: &a{n}\n  <<: [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: !!int x\n", "a.yaml:1:1: x is not a usable whole number"),
        ("seed: !!float abc\n", "a.yaml:1:1: abc is not a usable number"),
        ("seed: !!bool maybe\n", "a.yaml:1:1: maybe is not a usable truth value"),
        ("a: 1\nseed: " + "9" * 5000, "a.yaml:2:1: 9999"),
        ("? " + "9" * 5000 + "\n: 1", "a.yaml:1:3: 9999"),
        ("tasks: [a, !foo [b]]", "a.yaml:1:12: a recipe holds text, numbers, lists and mappings, not !foo"),
        ("tasks: !!python/object/apply:os.system ['id']", "a.yaml:1:1: a recipe holds text"),
        ("tasks: !!set {a, b}", "a.yaml:1:1: a recipe holds text"),
        ("a: 2020-01-01", "a.yaml:1:1: a recipe holds text, numbers, lists and mappings, not timestamp"),
        ("tasks: " + "[" * 250, "a.yaml:1:71: not valid YAML: more than 64 levels"),
        ("\n".join(" " * level + "a:" for level in range(200)), "a.yaml:64:64: not valid YAML: more than 64"),
        ("- " * 3000, "a.yaml:1:129: not valid YAML: more than 64 levels"),
        ("tasks: &a [*a]", "a.yaml:1:8: more than 64 levels, or a section within itself"),
        ("tasks: &a {b: *a, c: *a}", "a.yaml:1:8: more than 64 levels, or a section within itself"),
        ("tasks: &a\n  <<: *a\n", "a.yaml:1:8: more than 64 levels, or a section within itself"),
        (LAUGHS, "a.yaml:1:28: more than 100,000 values"),
        (MERGES, "a.yaml:1:"),
        ("a:\n  <<: 3\n", "a.yaml:2:7: not valid YAML: << takes a mapping"),
        ("{[1, 2]: 3}", "a.yaml:1:2: a key must be a name"),
        ("1: a\n'1': b\n", "a.yaml:2:1: not valid YAML: found duplicate key '1'"),
        ("a: b\nc: x\0y", "a.yaml:2:5: not valid YAML: a character that it does not allow"),
        ('a: "\\U99999999"', "a.yaml:1:"),
        ("a: 1\n---\na: 2\n", "a.yaml:2:1: not valid YAML"),
        ("a: *nope", "a.yaml:1:4: not valid YAML: found undefined alias"),
        ("a: " + "b" * 200_000, "a.yaml: more than 131,072 characters"),
    ],
)
def test_what_no_recipe_holds_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe_text(text, "a.yaml")
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


def test_an_alias_repeats_what_it_names_and_a_merge_gives_way() -> None:
    text = "a: &x {b: 1, c: [2]}\nd: *x\ne:\n  c: 3\n  <<: *x\n"
    source = parse_recipe_text(text, "a.yaml")
    assert source.tree == {"a": {"b": 1, "c": [2]}, "d": {"b": 1, "c": [2]}, "e": {"c": 3, "b": 1}}
    assert source.where(("e", "c")) == "a.yaml:4:3"
    assert source.where(("e", "b")) == "a.yaml:1:8"


def test_an_anchor_that_is_given_twice_warns_of_nothing() -> None:
    assert parse_recipe_text("a: &x 1\nb: &x 2\nc: *x\n", "a.yaml").tree == {"a": 1, "b": 2, "c": 2}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: \xff", "/recipe.yaml:2:4: it is not UTF-8 text (byte 8)"),
        ("a: 1".encode("utf-16"), "/recipe.yaml:1:1: it is not UTF-8 text (byte 0)"),
        (b"#" * 200_000, "/recipe.yaml: more than 131,072 bytes, too many for a recipe"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert caught.value.message.splitlines()[0] == f"{tmp_path}{message}"


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbftasks: [a]\n")
    assert read_recipe(tmp_path / "a.yaml").tree == {"tasks": ["a"]}


def test_a_pipe_is_no_recipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(UsageError, match="is a pipe, expected a recipe"):
        read_recipe(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "value", ["!!int x", "[" * 250, "*a", "9" * 5000, "&a [*a]", ".nan", "!foo x", "{a: 1"]
)
def test_an_assignment_is_read_with_the_same_distrust(value: str) -> None:
    with pytest.raises(UsageError, match=r"^--set train\.epochs:1:"):
        RecipeSource().set(f"train.epochs={value}")
