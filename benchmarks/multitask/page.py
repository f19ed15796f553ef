"""docs/benchmark.md: what was measured is written between its markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from mtl.core.base.files import read_text, write_text
from mtl.core.comparison.summary import found_note, table_note
from mtl.core.comparison.verdicts import BETTER, OPEN, UNSURE_BETTER, UNSURE_WORSE, WORSE
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_source import write_yaml
from mtl.core.report.numbers import listed

from ..marked import with_marked
from .plan import Method, Plan, cells_of
from .published import SINGLE, Bounds, read_published, verdict_of
from .rows import ABSENT, header, interval_of, mean_of, rows_of, single_row
from .store import Results, scores
from .tables import Table, table_of

_LARGEST = 2**24
"""Bytes of a page that none comes near."""


def write_page(results: Results, registry: Registry, path: Path) -> None:
    """Write what is kept between the page's markers; raise `UsageError` for a page without them."""
    text = read_text(path, "the page", hint="take the one of the repository", most=_LARGEST)
    for name, content in blocks(results, registry).items():
        text = with_marked(text, f"measured: {name}", content)
    write_text(path, text)


def blocks(results: Results, registry: Registry) -> dict[str, str]:
    """Return what stands between the markers, by their names."""
    plan = results.plan
    main, *others = (table_of(results, part, registry) for part in plan.parts())
    return {
        "conclusions": _list(_conclusions(plan, main, others)),
        "plan": _plan(plan),
        "main": "\n\n".join(_table(plan, main)),
        "others": "\n\n".join(text for table in others for text in _table(plan, table)),
        "published": _published(plan, main),
        "search": _search(results),
        "origin": _list(_origin(results, [main, *others])),
    }


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], text: int = 1, last: int = 0) -> str:
    """Return a table whose first `text` and `last` columns are set to the left."""
    numbers = len(heads) - text - last
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * text}{'---:|' * numbers}{'---|' * last}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _conclusions(plan: Plan, table: Table, others: Sequence[Table]) -> list[str]:
    """Return the first lines: what is sure, and for what."""
    done, planned, rows = len(table.seeds), table.part.seeds, len(table.methods)
    if table.against_alone is None:
        return [f"Nothing yet: of {planned} planned seeds none is there for all {rows} rows."]
    if not table.whole:
        there = f"{done} {'is' if done == 1 else 'are'} there for all {rows} rows"
        sure = "Until all are, no row is called better or worse."
        lines = [f"**Nothing is sure yet**: of {planned} planned seeds {there}. {sure}"]
    else:
        lines = _found("training each task alone", table.against_alone)
        if table.against_row is not None:
            lines += _found(f"`{plan.against}`", table.against_row)
    lines += _unseen(table)
    if table.whole:
        lines.append(_families(plan, [table, *others]))
    lines += _at_the_edge(plan, table)
    epochs = plan.recipe["train"]["epochs"]
    lines.append(
        f"The table is of these pictures, this network and {epochs} epochs, each row with the best of "
        f"{len(plan.search.rates)} rates and defaults for all else. It says nothing about longer trainings, "
        "larger networks, or other tasks."
    )
    sources = read_published(plan)
    if sources and not any(source.protocol == plan.protocol for source in sources):
        lines.append("No published figure is reproduced or refuted: none was made by this protocol.")
    return lines


def _unseen(table: Table) -> list[str]:
    """Return how small a difference may be and still not be found."""
    assert table.against_alone is not None
    lines = []
    if note := found_note(table.against_alone):
        lines.append(f"Smaller differences from single-task training may be there, unseen: {note}.")
    known = [row["delta_m"] for row in table.against_alone["variants"] if row["delta_m"] is not None]
    halves = [(one["interval"][1] - one["interval"][0]) / 2 for one in known if one["interval"] is not None]
    if halves:
        lines.append(
            f"The interval of delta-m against single-task training is ± {median(halves):.2f} % in the median "
            f"of the rows, {min(halves):.2f} to {max(halves):.2f} %."
        )
    return lines


def _families(plan: Plan, tables: Sequence[Table]) -> str:
    """Return among how many comparisons each kind of verdict is corrected."""
    found = [("single-task training", table, table.against_alone) for table in tables]
    found += [(f"`{plan.against}`", table, table.against_row) for table in tables]
    told = []
    for against, table, results in found:
        if results is not None:
            counts = results["method"]["comparisons"]
            seeds = f"{len(table.seeds)} seeds, {against}"
            told += [f"delta-m ({seeds}: {counts['delta_m']})", f"single tasks ({seeds}: {counts['tasks']})"]
    return (
        f"Verdicts are corrected in {len(told)} families, each of which has a false one in 5 % of cases at "
        f"most; that any family has one is more likely: {listed(told)}."
    )


def _at_the_edge(plan: Plan, table: Table) -> list[str]:
    """Return how many rows might have wanted a rate beyond those that were searched."""
    rates = [table.rates[method.name] for method in table.methods]
    lines = []
    for rate, word in ((max(plan.search.rates), "highest"), (min(plan.search.rates), "lowest")):
        if count := rates.count(rate):
            beyond = "higher" if word == "highest" else "lower"
            lines.append(
                f"The {word} rate that was searched, {rate:g}, was the best one for {count} of {len(rates)} "
                f"rows: a {beyond} one might have served these better, and ranked them otherwise."
            )
    return lines


def _found(against: str, found: Mapping[str, Any]) -> list[str]:
    """Return which rows are surely better or worse than what they are held against, by the mean of tasks."""
    names: dict[str, list[str]] = {}
    for row in found["variants"]:
        names.setdefault(row["delta_m_verdict"]["outcome"], []).append(f"`{row['name']}`")
    lines = [
        f"On average of the tasks, {listed(names[outcome])} {'is' if len(names[outcome]) == 1 else 'are'} "
        f"{outcome} than {against}."
        for outcome in (BETTER, WORSE)
        if outcome in names
    ]
    if unsure := [name for outcome in (UNSURE_BETTER, UNSURE_WORSE, OPEN) for name in names.get(outcome, ())]:
        verb = "is" if len(unsure) == 1 else "are"
        lines.append(f"Whether {listed(unsure)} {verb} better or worse than {against} is open.")
    return lines


def _plan(plan: Plan) -> str:
    margins = ", ".join(f"{margin:g} on {task}" for task, margin in plan.equal_within.items())
    # Where less is better on a task, the score is no mean of metrics but of their relative gains.
    near = "gain in %" if plan.lower_is_better else "points"
    protocol = ", ".join(f"{key}: {value}" for key, value in plan.protocol.items())
    rows = [
        ("plan", f"`{plan.name}`, version {plan.version}, SHA-256 `{plan.hash()[:16]}`"),
        ("seeds of the main rows", str(plan.main.seeds)),
        ("seeds of the others", str(plan.others.seeds) if plan.others else ABSENT),
        ("rates that are searched", ", ".join(f"{rate:g}" for rate in plan.search.rates)),
        ("epochs of the first round", str(plan.search.epochs)),
        (f"near the best ({near}): trained again", f"{100 * plan.search.near:g}"),
        ("seed of the search", str(plan.search.seed)),
        ("held against, beside single-task training", f"`{plan.against}`"),
        ("equal within", margins),
    ]
    if read_published(plan):
        rows += [
            ("reproduced within (points)", f"{plan.reproduced_within:g}"),
            ("what a published figure must share", protocol),
        ]
    recipe = write_yaml(plan.recipe).rstrip()
    return f"{_grid(['', ''], rows, text=2)}\n\n```yaml\n{recipe}\n```"


def _table(plan: Plan, table: Table) -> list[str]:
    found = table.against_alone
    if found is None:
        done = sum(len(table.entries[method.name]) for method in table.methods)
        return [f"No seed is there for all rows yet ({done} cells are)."]
    parts = [
        f"{len(table.seeds)} of {table.part.seeds} planned seeds. {table_note(found)}",
        _grid(header(plan, table), [single_row(plan, table), *rows_of(plan, table)]),
    ]
    if table.whole:
        parts += ["Against single-task training:", _list(found["verdicts"])]
    if table.whole and table.against_row is not None:
        lines = [line for line in table.against_row["verdicts"] if not line.startswith(f"{plan.against}:")]
        parts += [f"Against `{plan.against}`:", _list(lines)]
    return [*parts, *(f"Note: {note}." for note in found["notes"])]


def _published(plan: Plan, table: Table) -> str:
    tasks = list(plan.judged_by)
    heads = ["source", "row", *(f"{task}, published" for task in tasks), *(f"{task}, ours" for task in tasks)]
    rows = []
    for source in read_published(plan):
        for row, figures in source.rows.items():
            means, bounds = _ours(table, row, tasks)
            shown = [_percent(figures.get(task)) for task in tasks]
            own = [_percent(means.get(task)) for task in tasks]
            rows.append([source.source, row, *shown, *own, verdict_of(plan, source, row, means, bounds)])
    return _grid([*heads, "verdict"], rows, text=2, last=1) if rows else "No published figures are known."


def _ours(table: Table, row: str, tasks: Sequence[str]) -> tuple[dict[str, float], dict[str, Bounds]]:
    means, bounds = {}, {}
    for task in tasks:
        found = table.value(f"{SINGLE}-{task}" if row == SINGLE else row, task)
        if found is not None:
            scale = table.scale(task)
            means[task] = scale * mean_of(found)
            if found["sd"] is not None:
                half = scale * interval_of(found)
                bounds[task] = (means[task] - half, means[task] + half)
    return means, bounds


def _percent(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def _search(results: Results) -> str:
    rates = results.plan.search.rates
    rows = []
    for method in dict.fromkeys(cell.method for cell in cells_of(results.plan)):
        first, last = (_percents(results, method, final=final) for final in (False, True))
        if first:
            chosen = results.chosen_rate(method)
            cells = [" / ".join(shown[rate] for shown in (first, last) if rate in shown) for rate in rates]
            bold = [
                f"**{text}**" if chosen == rate else text for rate, text in zip(rates, cells, strict=True)
            ]
            rows.append([method.name, *(text or ABSENT for text in bold)])
    return _grid(["row", *(f"{rate:g}" for rate in rates)], rows)


def _percents(results: Results, method: Method, *, final: bool) -> dict[float, str]:
    known = scores(results.plan, results.searched(method, final=final))
    return {rate: f"{100 * score:.2f}" if isfinite(score) else "failed" for rate, score in known.items()}


def _origin(results: Results, tables: Sequence[Table]) -> list[str]:
    """Return hashes of data and code, versions and machines; and every cell that failed."""
    kept = {entry.cell: entry for table in tables for row in table.entries.values() for entry in row.values()}
    entries = list(kept.values())
    if not entries:
        return ["No cell is there yet."]
    planned = sum(cell.rate is None for cell in cells_of(results.plan))
    data = _each(f"{split} `{value}`" for entry in entries for split, value in entry.data.items())
    versions = _each(f"{name} {value}" for entry in entries for name, value in entry.versions.items())
    commits = _each(f"`{entry.commit[:10]}`" for entry in entries)
    differences = [entry.onnx_difference for entry in entries if entry.onnx_difference is not None]
    worst = 100 * max(differences, default=0.0)
    return [
        f"{len(entries)} of {planned} cells are there, trained on {_each(entry.date for entry in entries)}.",
        f"Data, SHA-256 of images and labels: {data}.",
        f"Code: {commits}; digest {_each(f'`{entry.code}`' for entry in entries)}.",
        f"Versions: {versions}. Machine: {_each(entry.machine for entry in entries)}.",
        f"In onnxruntime no test metric of a file differs by more than {worst:.2g} % of its value.",
        *(
            [f"Failed: `{e.cell}`: {e.reason}" for e in entries if e.status == "failed"]
            or ["No cell failed."]
        ),
    ]


def _each(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
