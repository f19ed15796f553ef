"""What was found, in plain words: which grouping is best, at what price, how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..comparison.verdicts import BETTER, WORSE, signed
from ..report.numbers import listed


def sentences(results: Mapping[str, Any]) -> list[str]:
    """Return one sentence for the best grouping, one for each other guide, and one for each sure pair."""
    rankings = results["rankings"]
    best = rankings["gain"]["best"]
    if best is None:
        return ["nothing can be said of any grouping: trainings failed, or no gain is a percentage"]
    told = [_best(best, results), *_ends(rankings["gain"], best)]
    for name in ("affinity", "cosine"):
        other = rankings[name]["best"]
        if other is None:
            continue
        same = other["name"] == best["name"]
        what = "the same grouping" if same else f"{other['name']} instead"
        told.append(f"{results['method']['guides'][name]} choose {what}{_agrees(results['agreement'][name])}")
    told += [group["sentence"] for group in results["groups"] if _is_sure(group)]
    return told


def grouped(groups: Sequence[Sequence[str]]) -> str:
    """Return a grouping in words.

    >>> grouped([["a", "b"], ["c"], ["d"]])
    'a and b together, c and d alone'
    """
    joined = [f"{listed(list(group))} together" for group in groups if len(group) > 1]
    alone = [group[0] for group in groups if len(group) == 1]
    if alone:
        joined.append(f"{listed(alone)} alone" if joined else f"{listed(alone)} each alone")
    return ", ".join(joined)


def gain_of(grouping: Mapping[str, Any]) -> str:
    """Return a grouping's gain as text: `+1.20 % [+0.31, +2.05]`."""
    text = f"{signed(grouping['gain'], 100)} %"
    if grouping["interval"] is not None:
        low, high = (signed(bound, 100) for bound in grouping["interval"])
        text += f" [{low}, {high}]"
    return text


def price_text(grouping: Mapping[str, Any]) -> str:
    """Return a price as text."""
    return f"{grouping['parameters']:,} parameters, {grouping['multiply_adds']:,} multiply-adds"


def _best(best: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    how = "measured" if best["measured"] else "foretold from pairs"
    text = (
        f"best {results['budget']['sentence']}: {grouped(best['groups'])}; mean gain over single-task "
        f"{gain_of(best)} ({how}), {price_text(best)}"
    )
    if best["chosen"] is None:
        return f"{text}; one seed says nothing about how sure that is"
    chosen = f"{100 * best['chosen']:.0f} times in 100"
    return f"{text}; what {len(results['seeds'])} seeds leave possible chooses it {chosen}"


def _ends(ranking: Mapping[str, Any], best: Mapping[str, Any]) -> list[str]:
    """Return what all tasks together, and each alone, gain and cost beside the best."""
    found = []
    for grouping in (*ranking["first"], *ranking["ends"]):
        if grouping["name"] == best["name"]:
            continue
        if len(grouping["groups"]) == 1:
            found.append(f"all together: {gain_of(grouping)}, {price_text(grouping)}")
        elif all(len(group) == 1 for group in grouping["groups"]):
            found.append(f"each alone: {price_text(grouping)}")
    return found


def _agrees(correlation: float | None) -> str:
    if correlation is None:
        return ""
    return f"; their rank correlation with the measured gains of pairs is {correlation:+.2f}"


def _is_sure(group: Mapping[str, Any]) -> bool:
    return any(found["verdict"]["outcome"] in (BETTER, WORSE) for found in group["gains"].values())
