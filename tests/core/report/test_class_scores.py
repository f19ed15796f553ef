"""The table of classes says what scikit-learn's scores say."""

from __future__ import annotations

import re

from sklearn.metrics import precision_recall_fscore_support

from mtl.core.report.class_scores import class_scores

CLASSES = ("cat", "dog", "owl", "bee")
COUNTS = [[5, 1, 0, 0], [2, 6, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_each_class_has_its_labels_recall_precision_and_f1() -> None:
    truth = [row for row in range(4) for column in range(4) for _ in range(COUNTS[row][column])]
    given = [column for row in range(4) for column in range(4) for _ in range(COUNTS[row][column])]
    precision, recall, f1, _ = precision_recall_fscore_support(truth, given, labels=range(4), zero_division=0)
    text = class_scores("kind", CLASSES, COUNTS)
    rows = [re.findall(r">([^<]+)</t[hd]>", row) for row in text.split("<tr>")[2:]]
    assert rows[0] == ["cat", "6", f"{100 * recall[0]:.1f} %", f"{100 * precision[0]:.1f} %", f"{f1[0]:.3f}"]
    assert rows[1] == ["dog", "8", f"{100 * recall[1]:.1f} %", f"{100 * precision[1]:.1f} %", f"{f1[1]:.3f}"]
    assert rows[2][:3] == ["owl", "1", "0.0 %"]
    assert rows[3][0] == "bee"


def test_a_table_of_another_size_is_left_out() -> None:
    assert class_scores("kind", CLASSES, [[1, 0], [0, 1]]) == ""
