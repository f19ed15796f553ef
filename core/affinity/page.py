"""report.html of an affinity: one self-contained page, drawn from the content of `affinity.json` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

from ..comparison.page_method import counted, every_training
from ..comparison.page_style import STYLE as COMPARISON_STYLE
from ..comparison.pictures import Band, band_chart, span
from ..comparison.summary import gain_text
from ..report.frame import Section, framed
from ..report.markup import Html, pairs, table, tag
from ..report.numbers import ABSENT, listed
from .picture import STYLE as PICTURE_STYLE
from .picture import picture
from .tables import grouping_rows, pair_rows

Results = Mapping[str, Any]
Part = tuple[str, str, Html] | None


def page(results: Results) -> Html:
    """Return the whole page; the same results give the same bytes."""
    shown = [part for make in _SECTIONS if (part := make(results)) is not None]
    title = f"{listed(list(results['tasks']))}: which together"
    style = COMPARISON_STYLE + PICTURE_STYLE
    return framed(title, _summary(results), [Section(*part) for part in shown], style)


def _summary(results: Results) -> Html:
    notes = list(results["notes"])
    if not results["method"]["enough_seeds"]:
        notes.insert(
            0, f"{counted(results['seeds'], 'seed')}: nothing is sure below 3, 5 or more are better."
        )
    first, *others = results["verdicts"]
    kind = "good" if results["rankings"]["gain"]["best"] else "poor"
    return tag(
        "header",
        tag("p", "mtl: which tasks together", class_="kicker"),
        tag("h1", listed(list(results["tasks"]))),
        tag("p", _lead(results), class_="lead"),
        *(tag("p", text, class_="verdict poor", role="note") for text in notes),
        tag("ul", _said(first, kind), *(_said(text, "open") for text in others), class_="headline"),
        tag("figure", picture(results), class_="card wide"),
    )


def _said(text: str, kind: str) -> Html:
    icon = {"good": "▲", "poor": "▼"}.get(kind, "○")
    return tag("li", tag("span", icon, class_="icon", aria_hidden="true"), tag("span", text), class_=kind)


def _lead(results: Results) -> str:
    fixed = results["recipe"]
    named = {"dataset": "data set", "encoder": "encoder", "sharing": "sharing", "balancer": "balancer"}
    parts = [f"{label} {fixed[key]['name']}" for key, label in named.items()]
    trained = sum(cell["status"] == "trained" for cell in results["cells"])
    epochs = fixed["train"]["epochs"]
    text = (
        f"{', '.join(parts)}; {counted(results['seeds'], 'seed')}, {trained} trainings of {epochs} "
        f"epoch{'s' if epochs != 1 else ''}: each task alone, in pairs, and all together. The best grouping "
        f"is looked for {results['budget']['sentence']}."
    )
    return text[0].upper() + text[1:]


def _groupings(results: Results) -> Part:
    header, rows = grouping_rows(results)
    if not rows:
        return None
    ranking = results["rankings"]["gain"]
    note = _GROUPINGS.format(within=ranking["within_budget"], of=ranking["of"])
    if (foretold := results["foretold"]) is not None:
        note += _FORETOLD.format(**foretold)
    shown = table(header, rows, caption="Groupings, the best first", numeric=range(1, len(header)))
    return "groupings", "Groupings", tag("div", tag("p", note, class_="note"), shown)


def _pairs(results: Results) -> Part:
    header, rows = pair_rows(results)
    note = _PAIRS.format(count=results["method"]["comparisons"])
    shown = table(header, rows, caption="Who gains by whom", numeric=range(2, len(header)))
    return "pairs", "Pairs", tag("div", tag("p", note, class_="note"), shown)


def _others(results: Results) -> Part:
    rows = []
    for name, what in results["method"]["guides"].items():
        best = results["rankings"][name]["best"]
        correlation = results["agreement"].get(name)
        rows.append(
            [
                what,
                ABSENT if best is None else best["name"],
                ABSENT if best is None or best["chosen"] is None else f"{100 * best['chosen']:.0f} %",
                "1" if name == "gain" else ABSENT if correlation is None else f"{correlation:+.2f}",
            ]
        )
    note = (
        "Lookahead affinities and cosines need one training of all tasks where gains need one of every pair. "
        "The rank correlation with the measured gains says how far they lead to the same."
    )
    header = ["chosen by", "best grouping within the budget", "chosen", "rank correlation"]
    shown = table(header, rows, caption="Groupings by what guides them", numeric=(2, 3))
    return "guides", "Cheaper guides", tag("div", tag("p", note, class_="note"), shown)


def _curves(results: Results) -> Part:
    groups = [
        ("Lookahead affinity", "affinity", permutations(results["tasks"], 2)),
        ("Gradient cosine", "cosine", combinations(results["tasks"], 2)),
    ]
    shown = []
    for title, kind, names in groups:
        known = {pair: results["curves"].get(f"{kind}/{pair[0]}/{pair[1]}") for pair in names}
        drawn = {pair: points for pair, points in known.items() if points}
        if drawn:
            shown.append(tag("section", tag("h3", title), tag("div", *_charts(kind, drawn), class_="panels")))
    if not shown:
        return None
    note = (
        "After every epoch of the training of all tasks together; lines are means over seeds, areas their "
        "range. A → B: what a step for A does to the loss of B."
    )
    return "curves", "Over training", tag("div", tag("p", note, class_="note"), *shown)


def _charts(kind: str, drawn: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> list[Html]:
    bands = {pair: [Band(" and ".join(pair), points, "variant")] for pair, points in drawn.items()}
    over = span([band for found in bands.values() for band in found])
    joint = " → " if kind == "affinity" else ", "
    return [
        band_chart(joint.join(pair), found, over, label=f"{kind} of {' and '.join(pair)}", zero=True)
        for pair, found in bands.items()
    ]


def _method(results: Results) -> Part:
    known = results["method"]
    judged = [
        f"{task} by {item['metric']} ({item['direction']} is better)"
        for task, item in results["tasks"].items()
    ]
    told = {
        "Judged": f"{listed(judged)}, on the test split, which chooses nothing.",
        "Lookahead": _LOOKAHEAD.format(batches=known["lookahead_batches"]),
        "Search": "Every way to part the tasks into groups; of equal gains the cheaper one.",
        "Prices": "Of each group's model as it would be deployed: its numbers, and one sample through it.",
        "Uncertainty": _UNCERTAINTY,
        "Percent": _PERCENT,
    }
    return "method", "Method", pairs(told.items())


def _alone(results: Results) -> Part:
    rows = []
    for group in results["groups"]:
        cells = [
            gain_text(group["gains"][task]["gain"], item["scale"], group["gains"][task]["verdict"])
            if task in group["gains"]
            else ABSENT
            for task, item in results["tasks"].items()
        ]
        rows.append([group["name"], group["status"], *cells])
    header = ["group", "status", *(f"{task} ({item['unit']})" for task, item in results["tasks"].items())]
    shown = table(header, rows, caption="Every group that was trained", numeric=range(2, len(header)))
    return "groups", "Groups that were trained", shown


_SECTIONS = (_groupings, _pairs, _others, _curves, _alone, every_training, _method)


_GROUPINGS = (
    "{within} of {of} groupings are within the budget. A gain is the mean over tasks, in percent of the "
    "value alone, on the test split; what was not trained is foretold: a task gains in a group the mean "
    "of what it gains in the pairs with each of the others. Chosen: the share of draws, from what the "
    "seeds leave possible, in which the grouping is the best. The best of many by the same trainings that"
    " measured it looks better than it is: expect less."
)
_FORETOLD = " Of all tasks together pairs foretell {foretold:+.2f} %, measured were {measured:+.2f} %."
_PAIRS = (
    "Gain: of a task in the model of both, over the model of it alone, with 95 % intervals; p is of "
    "Welch's t test, corrected by Holm for {count} comparisons and for looking again. Lookahead: by how "
    "much a plain gradient step for the other task lowers this one's loss, in percent, mean over the "
    "training of all tasks together. Cosine: of the two tasks' gradients, over the same training."
)
_LOOKAHEAD = (
    "1 - L_B(s - rate * gradient of L_A) / L_B(s), of the shared parameters s (Fifty et al. 2021), on "
    "{batches} batches after every epoch, the model as in evaluation; the rate is the recipe's, the step "
    "along the plain gradient."
)
_UNCERTAINTY = (
    "Each mean over n seeds is drawn 2,000 times from Student's t with n - 1 degrees; trainings of "
    "different groups are independent, those alone are common to all."
)
_PERCENT = (
    "Gains of tasks with different metrics are added in percent of the value alone: choose metrics of "
    "which a percent is worth the same."
)
