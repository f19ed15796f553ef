"""The GPU's figures in docs/performance.md, between its markers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..marked import with_marked

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"


def document(text: str, kept: Mapping[str, Any]) -> str:
    """Return the document with the figures between its markers."""
    return with_marked(text, "measured: gpu", markdown(kept))


def markdown(kept: Mapping[str, Any]) -> str:
    """Return what was measured: where, how many checks were right and which were not, and the tables."""
    lines: list[dict[str, Any]] = kept["lines"]
    right = sum(line.get("ok") is True for line in lines)
    wrong = [line for line in lines if line.get("ok") is False]
    where = f"{kept['card']}, torch {kept['torch']}, {kept['date']}, commit {kept['commit']}"
    parts = [
        f"{where}; {right} checks right, {len(wrong)} wrong.",
        *_wrong(wrong),
        *_steps(lines),
        *_others(lines, kept.get("figures", {})),
        *_balancers(lines),
    ]
    return "\n\n".join(parts)


def column(kept: Mapping[str, Any]) -> dict[str, str]:
    """Return the GPU's cells of the table of targets by the titles of their rows, where they are known."""
    lines = kept["lines"]
    found: dict[str, str] = {}
    for line in _of(lines, "steps", "usual_over_mtl"):
        if line["what"] == FIRST:
            found["mtl against the usual loop (0 workers), LeNet batch 32"] = f"{line['usual_over_mtl']:.1f}x"
            found["mtl against the limit, in its best memory format"] = f"{line['bare_over_mtl']:.2f}"
    for line in _of(lines, "libmtl", "libmtl_over_mtl"):
        found["against LibMTL, same work"] = f"{line['libmtl_over_mtl']:.1f}x"
    for line in _of(lines, "mnist", "measured_epochs"):
        found["MNIST, 20 epochs, batch 32, training only"] = f"{line['seconds']:.1f} s"
    for line in _of(lines, "seeds", "ratio"):
        found[_SEEDS.get(line["what"].replace("eight seeds", "8 seeds"), "")] = f"{line['ratio']:.2f}x"
    return {title: text for title, text in (found | kept.get("column", {})).items() if title}


FIRST = "LeNet denoise+classify, batch 32"
_SEEDS = {
    f"8 seeds against one, {FIRST}": "eight seeds together against one, LeNet",
    "8 seeds against one, MLP even+third, batch 128": "eight seeds together against one, MLP",
    f"16 seeds against one, {FIRST}": "sixteen seeds together against one",
}


def _of(lines: Iterable[Mapping[str, Any]], item: str, figure: str) -> list[Mapping[str, Any]]:
    return [line for line in lines if line["item"] == item and figure in line]


def _wrong(lines: list[dict[str, Any]]) -> Iterator[str]:
    if lines:
        rows = [f"| `{line['item']}`: {line['what']} | {_seen(line)} |" for line in lines]
        yield "\n".join(["| wrong | seen |", "|---|---|", *rows])


def _seen(line: Mapping[str, Any]) -> str:
    """Return what a check saw, in one cell."""
    for name in ("reason", "error"):
        if line.get(name):
            return str(line[name]).strip().splitlines()[0].replace("|", "/")[:160]
    figures = ("graph_against_single", "single_against_itself", "largest", "waits", "where", "stderr")
    shown = [
        f"{name.replace('_', ' ')} {value:.1e}" if isinstance(value := line[name], float) else str(value)
        for name in figures
        if name in line
    ]
    return ", ".join(shown).replace("|", "/").replace("\n", " ")[:160] or "-"


def _steps(lines: list[dict[str, Any]]) -> Iterator[str]:
    found = _of(lines, "steps", "ms_per_step")
    if not found:
        return
    names = list(found[0]["ms_per_step"])
    head = ["job", *names, "usual / mtl", "bare / mtl", "kernels"]
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for line in found:
        times = " | ".join(f"{line['ms_per_step'][name]:.3f}" for name in names)
        rows.append(
            f"| {line['what']} | {times} | {line['usual_over_mtl']:.1f}x | {line['bare_over_mtl']:.2f} "
            f"| {line['kernels_per_step'] or '-'} |"
        )
    yield "Milliseconds of a step, and kernels in one:"
    yield "\n".join(rows)


def _others(lines: list[dict[str, Any]], figures: Mapping[str, str]) -> Iterator[str]:
    rows = [(str(line["what"]), f"{line['ratio']:.2f}x") for line in _of(lines, "seeds", "ratio")]
    rows += [("twenty epochs of MNIST's size, batch 32, training only", f"{line['seconds']:.1f} s")
             for line in _of(lines, "mnist", "measured_epochs")]  # fmt: skip
    rows += [("LibMTL's own trainer against mtl", f"{line['libmtl_over_mtl']:.1f}x")
             for line in _of(lines, "libmtl", "libmtl_over_mtl")]  # fmt: skip
    rows += [(f"an epoch of digits, {line['what']}", f"{line['epoch_ms']:.0f} ms")
             for line in _of(lines, "streaming", "epoch_ms")]  # fmt: skip
    rows += [(f"`{line['what']}`, {line['seeds']} seeds", _answer(line))
             for line in _of(lines, "answers", "accuracy")]  # fmt: skip
    rows += figures.items()
    if rows:
        yield "\n".join(["| | measured |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)])


def _answer(line: Mapping[str, Any]) -> str:
    """Return what a recipe reaches on test images, and in how many seconds of training."""
    accuracies = ", ".join(f"{name} {value:.2f} %" for name, value in line["accuracy"].items())
    first, usual = line["first_training_seconds"], line["training_seconds"]
    return f"{accuracies}; {usual:.1f} s of training and validation (the first: {first:.1f} s)"


def _balancers(lines: list[dict[str, Any]]) -> Iterator[str]:
    found = _of(lines, "balancers", "ms_per_step")
    if not found:
        return
    told = [
        f"{line['what']} {line['ms_per_step']:.2g}{'' if line['graphs'] else ' (one by one)'}"
        for line in found
    ]
    yield f"Milliseconds of a step by balancer (digits, LeNet, two tasks, batch 32): {', '.join(told)}."
