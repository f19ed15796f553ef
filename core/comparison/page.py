"""report.html of a comparison: one self-contained page, drawn from the content of `compare.json` alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..report.frame import Section, framed
from ..report.markup import Html, table, tag
from ..report.numbers import ABSENT, duration, listed, number
from .page_curves import conflict, curves, weights
from .page_method import counted, every_training, method
from .page_pictures import intervals, trade_off
from .page_style import STYLE
from .summary import selection_note, summary_rows, table_note
from .verdicts import BETTER, EQUAL, WORSE

Results = Mapping[str, Any]


def page(results: Results) -> Html:
    """Return the whole page; the same results give the same bytes."""
    made = [make(results) for make in _SECTIONS]
    shown = [part for part in made if part is not None]
    title = f"{listed(list(results['tasks']))}: mtl comparison"
    return framed(title, _summary(results), [Section(*part) for part in shown], STYLE)


def _summary(results: Results) -> Html:
    """Return the title, what was compared, and the verdicts."""
    varied = [axis["title"] for axis in results["axes"] if len(axis["values"]) > 1]
    return tag(
        "header",
        tag("p", "mtl: a comparison", class_="kicker"),
        tag("h1", f"{listed(list(results['tasks']))}{f', by {listed(varied)}' if varied else ''}"),
        tag("p", _lead(results), class_="lead"),
        *_warnings(results),
        tag("ul", *(_verdict(row) for row in results["variants"]), class_="headline", aria_label="Verdicts"),
    )


def _lead(results: Results) -> str:
    fixed = results["recipe"]
    parts = [f"{label} {fixed[key]['name']}" for key, label in _LABELS.items() if key in fixed]
    single = [axis for axis in results["axes"] if len(axis["values"]) == 1]
    parts += [f"{axis['title']} {axis['values'][0]}" for axis in single]
    trained = sum(cell["status"] == "trained" for cell in results["cells"])
    epochs = fixed["train"].get("epochs")
    length = "" if epochs is None else f" of {epochs} epoch{'s' if epochs != 1 else ''}"
    lead = (
        f"{', '.join(parts)}; {counted(results['seeds'], 'seed')}, {trained} trainings{length}. "
        f"{_held(results)} {selection_note(results)}"
    )
    return lead[0].upper() + lead[1:]


_LABELS = {"dataset": "data set", "encoder": "encoder", "sharing": "sharing", "balancer": "balancer"}


def _held(results: Results) -> str:
    if results["against"] is not None:
        return f"Every variant is held against {results['against']}, with the same budget and seeds."
    return (
        "Every variant is held against models trained for one task each, with the same encoder, budget and "
        "seeds."
    )


def _warnings(results: Results) -> list[Html]:
    known = results["method"]
    texts = list(results["notes"])
    if not known["enough_seeds"]:
        seeds, least = counted(results["seeds"], "seed"), known["minimum_seeds"]
        texts.insert(
            0, f"Nothing can be concluded from {seeds}: {least} are the least, 5 or more are better."
        )
    return [tag("p", text, class_="verdict poor", role="note") for text in texts]


def _verdict(row: Mapping[str, Any]) -> Html:
    found = {item["verdict"]["outcome"] for item in row["tasks"].values()}
    good, poor = bool(found & {BETTER, EQUAL}), WORSE in found
    kind = "good" if good and not poor else "poor" if poor and not good else "open"
    icon = {"good": "▲", "poor": "▼"}.get(kind, "◆" if good else "○")
    rest = row["sentence"].removeprefix(row["name"])
    return tag(
        "li",
        tag("span", icon, class_="icon", aria_hidden="true"),
        tag("span", tag("strong", row["name"]), rest),
        class_=kind,
    )


Part = tuple[str, str, Html] | None


def _table(results: Results) -> Part:
    header, rows = summary_rows(results, cost=False)
    broken = [[name, *map(_breakable, cells)] for name, *cells in rows]
    shown = table(
        ["variant", *header[1:]], broken, caption="Results by variant", numeric=range(1, len(header))
    )
    note = tag("p", table_note(results), class_="note")
    return "results", "Results", tag("div", note, shown, class_="gains")


def _breakable(cell: str) -> Html:
    """Return a cell that goes over several lines where it is narrow, but not within an interval."""
    parts = re.findall(r"\[[^]]*\]|[^\s\[]+(?: %)?", cell)
    return Html(" ".join(tag("span", part) for part in parts))


def _cost(results: Results) -> Part:
    rows = []
    alone = {row["name"]: row for row in results["variants"] if row["parameters"]}
    for name, row in alone.items():
        single = [item for item in results["single_task"] if name in item["variants"]]
        known = [item["seconds"]["mean"] for item in single if item["seconds"]]
        counts = sum((row["parameters_alone"] or {}).values())
        if baseline := alone.get(results["against"]):
            counts = baseline["parameters"]["total"]
            known = [baseline["seconds"]["mean"]] if baseline["seconds"] else []
        seconds = row["seconds"]["mean"] if row["seconds"] else None
        rows.append(
            [
                name,
                number(row["parameters"]["total"]),
                number(row["parameters"]["encoder"]),
                f"{row['parameters']['total'] / counts:.2f}",
                ABSENT if seconds is None else duration(seconds),
                ABSENT if seconds is None or not sum(known) else f"{seconds / sum(known):.2f}",
            ]
        )
    if not rows:
        return None
    note = (
        "Trainable parameters; the encoder's include what the sharing scheme adds. Seconds of training, mean "
        "over seeds, without evaluation. Ratios are to "
        f"{results['against'] or 'all single-task models together'}."
    )
    header = ["variant", "parameters", "encoder", "ratio", "training", "ratio"]
    shown = table(header, rows, caption="Parameters and time", numeric=range(1, 6))
    return "cost", "Cost", tag("div", tag("p", note, class_="note"), shown)


def _untrained(results: Results) -> Part:
    rows = [[row["name"], row["status"], row["reason"] or ""] for row in results["variants"] if row["reason"]]
    rows += [
        [f"{cell['name']}, seed {cell['seed']}", cell["status"], cell["reason"]]
        for cell in results["cells"]
        if cell["reason"] and cell["task"]
    ]
    if not rows:
        return None
    return (
        "untrained",
        "Not trained",
        table(["variant", "status", "reason"], rows, caption="What was not trained"),
    )


_SECTIONS = (
    _table,
    intervals,
    trade_off,
    _cost,
    curves,
    conflict,
    weights,
    _untrained,
    every_training,
    method,
)
