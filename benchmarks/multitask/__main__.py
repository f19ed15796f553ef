"""`python -m benchmarks.multitask`: see the package."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from . import __doc__ as about

if TYPE_CHECKING:
    from mtl.core.discovery.registry import Registry

    from .work import Worker

RESULTS = Path(__file__).parents[1] / "results" / "multitask"
DOCUMENTS = Path(__file__).parents[2] / "docs"
FIRST = "multi-mnist"
"""The plan that is meant where none is named; its page is `benchmark.md`, others are `benchmark-NAME.md`."""


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.multitask",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", type=Path, help="folder with the data sets")
    parser.add_argument("--plan", default=FIRST, help=f"name or file of a plan [default: {FIRST}]")
    parser.add_argument("--cells", type=_number, help="train at most so many")
    parser.add_argument("--seeds", type=_number, help="only the first seeds of every row")
    parser.add_argument("--until", type=_time, metavar="HH:MM", help="begin nothing that ends later")
    parser.add_argument("--executor", metavar="NAME", help="who trains (mtl list executor); with --jobs")
    parser.add_argument("--jobs", type=_number, metavar="N", help="so many cells at a time, by an executor")
    parser.add_argument("--cell", metavar="NAME", help="with --check: which one")
    parser.add_argument("--check", action="store_true", help="repeat --cell and compare to the last digit")
    parser.add_argument("--list", action="store_true", help="train nothing: name what is missing or failed")
    parser.add_argument("--page", action="store_true", help="train nothing: write the page")
    parser.add_argument("--runs", type=Path, default=Path("runs/multitask"), help="folder of the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the small files")
    parser.add_argument("--document", type=Path, help="the page [default: in docs/]")
    given = parser.parse_args(arguments)
    if given.check != (given.cell is not None):
        parser.error("one cell is repeated by both --cell NAME and --check")
    return given


def _number(text: str) -> int:
    """Return a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _time(text: str) -> float:
    """Return the next such time of the clock in seconds, as `time.time` has it."""
    try:
        clock = datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of the form HH:MM") from None
    found = datetime.combine(datetime.now(), clock).timestamp()
    return found if found > time.time() else found + 86_400


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked for and return the exit status."""
    given = parsed(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from mtl.core.base.errors import MtlError

    try:
        return _work(given)
    except MtlError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130


def _work(given: argparse.Namespace) -> int:
    from mtl.core.comparison.statistics import MINIMUM_SEEDS
    from mtl.core.discovery.registry import installed

    from .missing import missing_lines
    from .plan import find_cell, read_plan
    from .repeating import repeat
    from .store import Results
    from .training import Trainer
    from .work import Worker

    plan, registry = read_plan(given.plan), installed()
    results = Results(given.results, plan)
    if given.list:
        print("\n".join(missing_lines(results, given.seeds)))
        return 0
    if not given.page:
        trainer = Trainer(plan, registry, given.runs / plan.name, given.data_dir)
        if given.check:
            same, told = repeat(results, trainer, find_cell(plan, given.cell))
            print(told)
            return 0 if same else 4
        if given.seeds is not None and given.seeds < MINIMUM_SEEDS:
            print(f"note: no verdict is made of fewer than {MINIMUM_SEEDS} seeds")
        worker = Worker(results, trainer, given.seeds, given.until)
        if given.executor is None and given.jobs is None:
            worker.run(given.cells)
        else:
            _hand_out(given, worker, registry)
        print("{} cells are missing, {} of them claimed by other processes".format(*worker.missing()))
    page = given.document or DOCUMENTS / (
        "benchmark.md" if plan.name == FIRST else f"benchmark-{plan.name}.md"
    )
    if given.page or (given.results == RESULTS and page.is_file()):
        from .page import write_page

        write_page(results, registry, page)
    return 0


def _hand_out(given: argparse.Namespace, worker: Worker, registry: Registry) -> None:
    """Have cells trained by the executor that is named, or by several processes of this machine."""
    from mtl.core.execution.choosing import Hands

    from .hands import Handing, TrainsCells

    hands = Hands.chosen(registry, given.executor, "cpu", given.jobs)
    data_dir = None if given.data_dir is None else given.data_dir.absolute()
    plan = str(Path(given.plan).absolute()) if given.plan.endswith(".yaml") else given.plan
    runs, results = worker.trainer.runs.absolute(), given.results.absolute()
    Handing(worker, TrainsCells(plan, results, runs, data_dir), hands).run(given.cells)


if __name__ == "__main__":
    sys.exit(main())
