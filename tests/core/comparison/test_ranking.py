"""Methods ranked over data sets: Demsar's worked example, and what is read of finished comparisons."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from mtl.core.base.errors import UsageError
from mtl.core.comparison.ranked import rank, write_ranking
from mtl.core.comparison.ranking import critical_value, ranking
from mtl.core.comparison.ranks import rank_correlation, ranks

METHODS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
RANKS = [
    (4, 3, 2, 1), (1, 2, 3, 4), (4, 1, 2, 3), (4, 1, 3, 2), (4, 2, 3, 1), (1, 2.5, 4, 2.5), (3, 2, 4, 1),
    (2.5, 2.5, 4, 1), (4, 3, 2, 1), (2.5, 2.5, 2.5, 2.5), (4, 2.5, 1, 2.5), (3, 2, 4, 1), (4, 1, 2, 3),
    (3, 1, 4, 2),
]  # fmt: skip
"""The ranks of table 6 of Demsar 2006: four methods on fourteen data sets."""


def test_the_example_of_the_paper_comes_out() -> None:
    found = ranking(METHODS, RANKS, "C4.5")
    assert [round(value, 3) for value in found.mean] == [3.143, 2.0, 2.893, 1.964]
    assert found.chi2 == pytest.approx(9.28, abs=0.005)
    assert found.f == pytest.approx(3.69, abs=0.005)
    # The paper's critical value of F(3, 39) at 5 % is 2.85, so p is below; this is its survival function.
    assert found.p == pytest.approx(float(stats.f.sf(found.f, 3, 39)))
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert found.cliques == [("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")]
    # z = 2.416, 2.342 and 0.512 with the standard error 0.488: p = 0.016, 0.019 and 0.607 in the paper.
    error = (4 * 5 / (6 * 14)) ** 0.5
    single = [2 * stats.norm.sf(abs(found.mean[0] - found.mean[at]) / error) for at in (3, 1, 2)]
    assert [float(p) for p in single] == pytest.approx([0.016, 0.019, 0.607], abs=2e-3)
    assert found.against["C4.5+m+cf"] == pytest.approx(3 * single[0])
    assert found.against["C4.5+m"] == pytest.approx(max(3 * single[0], 2 * single[1]))
    assert found.against["C4.5+cf"] == pytest.approx(single[2])


def test_without_ties_it_is_scipys_friedman_test() -> None:
    values = np.random.default_rng(0).normal(size=(9, 5))
    table = [ranks(row) for row in values]
    expected = stats.friedmanchisquare(*values.T)
    assert ranking("abcde", table).chi2 == pytest.approx(float(expected.statistic))
    assert [row.tolist() for row in table] == stats.rankdata(values, axis=1).tolist()


def test_critical_values_are_those_of_the_papers_table() -> None:
    printed = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
    assert [critical_value(k) for k in printed] == pytest.approx(list(printed.values()), abs=1.5e-3)


def test_where_all_data_sets_agree_nothing_is_left_to_chance() -> None:
    found = ranking("abc", [(1, 2, 3)] * 4)
    assert found.p == 0.0
    assert found.to_json()["friedman"]["f"] is None


def test_rank_correlation_is_scipys() -> None:
    values, others = np.random.default_rng(1).integers(0, 5, size=(2, 12))
    expected = stats.spearmanr(values, others).statistic
    assert rank_correlation(values.tolist(), others.tolist()) == pytest.approx(float(expected))
    assert rank_correlation([1, 1], [1, 2]) is None


Write = Callable[..., Path]


@pytest.fixture
def comparison(tmp_path: Path) -> Write:
    """Write what is read of a comparison: two tasks, the second one judged by an error."""

    def write(name: str, data: str | None = None, **means: Any) -> Path:
        rows = [
            {"name": method, "tasks": {"a": {"value": {"mean": score}}, "b": {"value": {"mean": 1 - score}}}}
            for method, score in means.items()
        ]
        alone = [{"task": "a", "value": {"mean": 0.5}}, {"task": "b", "value": {"mean": 0.5}}]
        tasks = {"a": {"direction": "higher"}, "b": {"direction": "lower"}}
        found = {"tasks": tasks, "variants": rows, "single_task": alone, "seeds": [0, 1, 2]}
        found["recipe"] = {"dataset": {"name": data or name}}
        (tmp_path / name).mkdir()
        (tmp_path / name / "compare.json").write_text(json.dumps(found))
        return tmp_path / name

    return write


def test_single_task_training_is_a_method_and_the_baseline(comparison: Write, tmp_path: Path) -> None:
    folders = [comparison(f"data-{number}", hard=0.9, soft=0.4) for number in range(6)]
    found = rank(folders)
    assert found["mean_ranks"] == {"single-task": 2.0, "hard": 1.0, "soft": 3.0}
    assert found["baseline"] == "single-task"
    assert found["not_different"] == [["hard", "single-task"], ["single-task", "soft"]]
    assert rank(folders, "soft")["holm_p"]["hard"] < 0.01
    write_ranking(tmp_path / "out", found)
    tree = ElementTree.fromstring((tmp_path / "out" / "ranks.svg").read_text())
    assert all(name in "".join(tree.itertext()) for name in found["methods"])
    assert json.loads((tmp_path / "out" / "ranks.json").read_text()) == json.loads(json.dumps(found))


def test_names_cannot_break_the_diagram(comparison: Write, tmp_path: Path) -> None:
    evil = {"<b>&": 0.9, 'x"': 0.8}
    write_ranking(tmp_path, rank([comparison("one", **evil), comparison("two", **evil)]))
    ElementTree.fromstring((tmp_path / "ranks.svg").read_text())


def test_what_cannot_be_ranked_is_named(comparison: Write, tmp_path: Path) -> None:
    one, two = comparison("one", hard=0.9, soft=0.4), comparison("two", hard=0.9)
    same = comparison("same", "one", hard=0.9, soft=0.4)
    failed = comparison("failed", hard=0.1, soft=0.2)
    content = json.loads((failed / "compare.json").read_text())
    content["variants"][0]["tasks"]["b"]["value"] = None
    (failed / "compare.json").write_text(json.dumps(content))
    for folders, message in (
        ([one], "one comparison cannot be ranked"),
        ([one, one], "names a folder twice"),
        ([one, two], "two lacks 'soft', which .*one has"),
        ([one, same], "are of one data set"),
        ([one, failed], "hard has no result on 'b'"),
        ([one, tmp_path / "none"], "cannot be read as the results of a comparison"),
    ):
        with pytest.raises(UsageError, match=message):
            rank(folders)
    with pytest.raises(UsageError, match="no variant 'sof'") as refused:
        rank([one, comparison("three", hard=0.3, soft=0.4)], "sof")
    assert "soft" in (refused.value.hint or "")


def test_the_command_ranks_and_trains_nothing(comparison: Write, mtl: Callable[..., Any]) -> None:
    folders = [comparison(name, hard=0.9, soft=0.4) for name in ("one", "two")]
    result = mtl("compare", "--rank", str(folders[0]), "--rank", str(folders[1]), "--out", "ranks")
    assert result.status == 0, result.err
    assert result.out.splitlines()[0].split() == ["hard", "single-task", "soft"]
    assert "2 data sets are few" in result.out
    assert Path("ranks/ranks.svg").is_file()
