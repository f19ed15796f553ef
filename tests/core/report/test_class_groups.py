"""Classes that differ in their numbers only are judged together."""

from __future__ import annotations

from mtl.core.report.class_groups import group_errors

PAIRS = ("a 1 + b 2", "a 2 + b 1", "a 1 + c 2", "a 2 + c 1")


def test_errors_between_kinds_and_inside_a_kind_are_told_apart() -> None:
    drawn, table = group_errors(
        "task", "table", PAIRS, [[5, 2, 1, 0], [0, 4, 0, 0], [0, 0, 0, 3], [0, 0, 0, 6]]
    )
    assert "numbers left aside: 2 classes" in drawn
    # a + b: 12 samples, 3 wrong, 2 of them of the right kind; a + c: 9, 3 and 3.
    assert [cell in table for cell in ("25.0 %", "33.3 %")] == [True, True]
    assert table.index("a + c") < table.index("a + b")


def test_classes_that_are_plain_numbers_or_have_none_make_no_groups() -> None:
    for names in (("0", "1"), ("cat", "dog"), ("odd", "even")):
        assert group_errors("task", "table", names, [[1, 2], [3, 4]]) == []


def test_a_table_of_another_size_makes_no_groups() -> None:
    assert group_errors("task", "table", PAIRS, [[1.0]]) == []
