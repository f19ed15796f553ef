"""What a column is taken for depends on its name and values alone."""

from __future__ import annotations

import pytest

from mtl.plugins.datasets.table_kinds import guess

MANY = [str(number) for number in range(100)]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("file", ["a.png", "b/c.JPG", "d.jpeg"], "path"),
        ("colour", ["red", "blue", None, "red", "blue"], "class"),
        ("digit", [str(number % 10) for number in range(100)], "class"),
        ("digit", [f"{number % 10}.0" for number in range(100)], "class"),
        ("digit", ["-1", *(str(number % 10) for number in range(100))], "class"),
        ("price", [str(10 * (number % 10)) for number in range(100)], "number"),
        ("brightness", [str(number * 7 % 256) for number in range(100)], "number"),
        ("depth", ["0.5", "-1e3", ".25", "+4"], "number"),
        ("offset", ["-2", "-1", "0"] * 10, "number"),
        ("animal", ["yes", "No", "YES", None], "yes-no"),
        ("animal", ["True", "False"], "yes-no"),
        ("animal", ["1.0", "0.0", "1.0"], "yes-no"),
        ("smiling", ["-1", "1", "1"], "yes-no"),
        ("smiling", ["-1", "0", "1", "1"], "yes-no"),
        ("split", ["train", "val", "test"], "split"),
        ("use", ["Training", "testing"], "split"),
        ("split", ["a", "b"], "split"),
        ("vehicle", ["train", "bus", "train", "bus"], "class"),
        ("patient_id", ["p1", "p2", "p1"], "group"),
        ("Subject", MANY, "group"),
        ("weight", ["3,5", "4", "2,25"], "number"),
        ("weight", [f"{number} kg" for number in range(30)], "number"),
        ("size", ["3 mm", "5 mm"] * 5, "class"),
        ("age", [*MANY, "unknown"], "number"),
    ],
)
def test_a_column_is_taken_for(name: str, cells: list[str | None], kind: str) -> None:
    assert guess(name, cells).kind == kind


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("empty", [None, None], "it is empty"),
        ("camera", ["a", "a", None], "every value is 'a': there is nothing to tell"),
        ("column 1", MANY, "it numbers the rows"),
        ("image_id", ["7", "19", "4"], "it numbers the rows"),
        (
            "title",
            [f"no. {number} of many" for number in range(9)],
            "9 different values in 9 rows are no classes",
        ),
        ("text", ["x" * 101, "y"] * 3, "it holds long texts"),
        ("level", ["-1", "4", "4"], "every value is 4: there is nothing to tell"),
    ],
)
def test_a_column_is_ignored_with_its_reason(name: str, cells: list[str | None], reason: str) -> None:
    assert (guess(name, cells).kind, guess(name, cells).reason) == ("ignore", reason)
