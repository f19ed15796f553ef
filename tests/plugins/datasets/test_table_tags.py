"""Columns of tags become attributes, columns with an order ranks; numbers keep to their range."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtl.core.base.errors import UsageError
from mtl.core.discovery.options import options_model, validate_options
from mtl.plugins.datasets.table import PictureTable
from mtl.plugins.datasets.table_kinds import guess
from mtl.plugins.forms import Multilabel, Ordinal, Regression

from .table_samples import write_pictures, write_table

COUNT = 10


def table_of(folder: Path, header: str, rows: Sequence[str], **columns: Any) -> PictureTable:
    """Return a table of pictures with such cells behind their names, as a recipe would have it."""
    names = write_pictures(folder, len(rows))
    lines = [f"{name}|{row}" for name, row in zip(names, rows, strict=True)]
    file = write_table(folder / "a.csv", f"file|{header}", lines)
    stated = {"file": file, "columns": columns, "test": 0.3, "validation": 0.0}
    options, problems = validate_options(options_model(PictureTable), stated)
    assert not problems, problems
    return PictureTable(**options)


def labels_of(data: PictureTable, name: str) -> list[Any]:
    """Return the labels in the table's order."""
    return data._columns.labels[name].values.tolist()


TAGS = ["red;round", "red", "", "round", ";", "red; round;", "red", "round", "round;red", "red"]


def test_tags_in_cells_become_attributes_and_an_empty_cell_is_a_hole(tmp_path: Path) -> None:
    data = table_of(tmp_path, "marks", TAGS)
    assert data.spec().labels == {"marks": Multilabel(("red", "round"))}
    assert data.tasks() == {"marks": {"task": "attributes", "label": "marks"}}
    assert labels_of(data, "marks")[:6] == [[1, 1], [1, 0], [-1, -1], [0, 1], [0, 0], [1, 1]]
    assert "  marks: tags, 2: red 6, round 5; 1 absent" in data.understood()
    columns = data.load()["train"].labels["marks"]
    assert (columns.dtype, columns.shape[1]) == (np.int8, 2)


def test_lists_of_json_are_tags(tmp_path: Path) -> None:
    names = write_pictures(tmp_path, 4)
    lists = ['["red", "a;b"]', "[]", "null", '["red"]']
    lines = [f'{{"file": "{n}", "marks": {some}}}' for n, some in zip(names, lists, strict=True)]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(lines))
    data = PictureTable(file=file)
    assert data.spec().labels == {"marks": Multilabel(("a;b", "red"))}
    assert labels_of(data, "marks") == [[1, 1], [0, 0], [-1, -1], [0, 1]]


def test_columns_of_yes_and_no_are_grouped_and_have_holes_of_their_own(tmp_path: Path) -> None:
    rows = ["yes|1", "no|", "|0", "yes|0", "no|1", "no|0", "yes|1", "no|0", "yes|1", "no|0"]
    data = table_of(tmp_path, "striped|round", rows, marks={"of": ["striped", "round"]})
    assert data.spec().labels == {"marks": Multilabel(("striped", "round"))}
    assert labels_of(data, "marks")[:4] == [[1, 1], [0, -1], [-1, 0], [1, 0]]
    said = data.understood()
    assert "  striped: ignored: a part of marks" in said
    assert "  marks: tags, 2: striped 4, round 4" in said
    assert sum(len(columns) for columns in data.load().values()) == COUNT


def test_whole_numbers_and_words_have_an_order_only_where_it_is_said(tmp_path: Path) -> None:
    grades = [str(n % 3 + 9) for n in range(COUNT)]
    assert table_of(tmp_path, "grade", grades, grade="ordinal").spec().labels == {
        "grade": Ordinal(("9", "10", "11"))
    }
    words = [("poor", "good", "fair")[n % 3] for n in range(COUNT)]
    order = {"type": "ordinal", "classes": ["poor", "fair", "good"]}
    data = table_of(tmp_path, "grade", words, grade=order)
    assert data.tasks() == {"grade": {"task": "rank", "label": "grade"}}
    assert labels_of(data, "grade")[:3] == [0, 2, 1]
    assert "  grade: classes in order, 3: poor < fair < good" in data.understood()


def test_numbers_have_a_range_where_it_is_said(tmp_path: Path) -> None:
    numbers = [str(n / 4) for n in range(COUNT)]
    data = table_of(tmp_path, "weight", numbers, weight={"range": [0, None], "units": "kg"})
    assert data.spec().labels == {"weight": Regression(("weight",), "kg", least=0)}


REFUSED = [
    (
        "marks",
        ["red", "blue", "red"],
        {"marks": {"tags": ["red", "round"]}},
        "a.csv: column 'marks': 'blue' is none of its tags (line 3)",
    ),
    ("marks", ["[red", "[]", "[1]"], {"marks": "tags"}, "column 'marks': '[1]' is no list of texts (line 4)"),
    ("marks", [";", ";", ""], {"marks": "tags"}, "column 'marks': it has no label: there is nothing to tell"),
    ("a", ["yes", "no", "no"], {"b": {"of": ["a", "c"]}}, "a.csv has no column 'c'"),
    ("a", ["yes", "no", "no"], {"a": {"of": ["a"]}}, "has a column 'a', and `of` makes a new one"),
    (
        "a",
        ["yes", "no", "maybe"],
        {"b": {"of": ["a"]}},
        "column 'a': 'maybe' says neither yes nor no (line 4)",
    ),
    (
        "grade",
        ["poor", "good", "poor"],
        {"grade": "ordinal"},
        (
            "column 'grade': 'poor' has no order by itself\n  hint: name the classes, lowest first: "
            "--set 'dataset.columns.grade={type: ordinal, classes: [poor, good]}'"
        ),
    ),
    (
        "weight",
        ["1", "250", "-3"],
        {"weight": {"range": [0, 200]}},
        "column 'weight': '250' is not 0 to 200 (lines 3, 4)",
    ),
    ("weight", ["1", "2", "3"], {"weight": {"range": [5, 5]}}, "no value lies between least 5 and most 5"),
]


@pytest.mark.parametrize(
    ("header", "cells", "columns", "said"), REFUSED, ids=[case[3][:50] for case in REFUSED]
)
def test_what_cannot_be_is_told_with_its_place(
    tmp_path: Path, header: str, cells: list[str], columns: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        table_of(tmp_path, header, cells, **columns).spec()
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["a;b", "a", "b;a", "b"], "tags"),
        (["a|b", "a", "b|a", "b"], "tags"),
        (['["a"]', "[]", '["b", "a"]'], "tags"),
        (["red, green", "red", "red", "red, green"], "class"),
        (["a b; c", "d; e f", "g; h"], "ignore"),
    ],
)
def test_what_is_taken_for_tags(cells: list[str], kind: str) -> None:
    assert guess("marks", cells).kind == kind
