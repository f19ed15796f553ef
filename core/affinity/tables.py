"""The results as tables of text: groupings, the best first, and pairs, a row for each task of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..comparison.summary import gain_text
from ..report.numbers import ABSENT
from .sentences import gain_of


def grouping_rows(results: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the header and a row for each grouping that is kept, those beyond the budget last."""
    ranking = results["rankings"]["gain"]
    rows = [[*_row(one), ""] for one in ranking["first"]]
    budget = results["budget"]
    rows += [[*_row(one), "" if _fits(one, budget) else "over the budget"] for one in ranking["ends"]]
    return ["grouping", "mean gain (%)", "chosen", "parameters", "multiply-adds", "known by", "remark"], rows


def _row(one: Mapping[str, Any]) -> list[str]:
    return [
        one["name"],
        gain_of(one).replace(" %", ""),
        ABSENT if one["chosen"] is None else f"{100 * one['chosen']:.0f} %",
        f"{one['parameters']:,}",
        f"{one['multiply_adds']:,}",
        "measured" if one["measured"] else "foretold",
    ]


def _fits(one: Mapping[str, Any], budget: Mapping[str, Any]) -> bool:
    return all(budget[name] is None or one[name] <= budget[name] for name in ("parameters", "multiply_adds"))


def pair_rows(results: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the header and two rows for each pair: what each task gains by the other."""
    groups = {tuple(group["tasks"]): group for group in results["groups"]}
    rows = []
    for pair in results["pairs"]:
        first, second = pair["tasks"]
        group = groups[first, second]
        for task, other in ((first, second), (second, first)):
            found = group["gains"].get(task)
            unit = results["tasks"][task]
            gain = ABSENT if found is None else gain_text(found["gain"], unit["scale"], found["verdict"])
            rows.append(
                [
                    task,
                    other,
                    gain,
                    unit["unit"],
                    _number(pair["gain"], task, "{:+.2f}"),
                    _number(pair["affinity"], task, "{:+.3f}", 100),
                    _number(pair["cosine"], task, "{:+.3f}"),
                ]
            )
    return ["task", "trained with", "gain", "in", "gain (%)", "lookahead (%)", "cosine"], rows


def _number(values: Mapping[str, float] | None, task: str, form: str, scale: float = 1.0) -> str:
    return ABSENT if values is None else form.format(scale * values[task])
