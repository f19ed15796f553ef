"""What is missing of a table, and about how long it takes."""

from __future__ import annotations

from statistics import fmean

from mtl.core.report.numbers import duration

from .plan import cells_of
from .store import Results


def missing_lines(results: Results, seeds: int | None = None) -> list[str]:
    """Return a line for each cell that is missing or failed, and one for all of them.

    Before a row's rate is searched nobody knows which of its rates are trained a second time: of these only
    what is certain is named. Seconds are the mean of the row's cells that are there, of a processor.
    """
    open_cells = [cell for cell in cells_of(results.plan, seeds) if results.wants(cell)]
    known: dict[str, list[float]] = {}
    lines, missing, untimed, seconds = [], 0, 0, 0.0
    entries = {cell.name: results.read(cell) if results.has(cell) else None for cell in open_cells}
    for cell in open_cells:
        entry = entries[cell.name]
        if entry is not None and cell.rate is None and entry.seconds and entry.seconds.cpu:
            known.setdefault(cell.method.name, []).append(entry.seconds.cpu)
    for cell in open_cells:
        entry = entries[cell.name]
        if entry is not None:
            lines += [f"{cell.name}  failed: {entry.reason}"] if entry.status == "failed" else []
            continue
        missing += 1
        usual = known.get(cell.method.name) if cell.rate is None else None
        if usual is None:
            untimed += 1
            lines.append(f"{cell.name}  missing")
            continue
        seconds += fmean(usual)
        lines.append(f"{cell.name}  missing, about {fmean(usual):.0f} s of a processor")
    told = f"cells: {len(open_cells) - missing} of {len(open_cells)} are there, missing: {missing}"
    if missing > untimed:
        told += f", of which {missing - untimed} take about {duration(seconds)} of a processor"
    return [*lines, told]
