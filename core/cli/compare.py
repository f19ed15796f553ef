"""`mtl compare`: does sharing help?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..base.errors import UsageError
from .asked import (
    LOOKS_ONLY,
    by_task,
    data_options,
    device_option,
    executor_option,
    flags_in,
    jobs_option,
    json_option,
    metric_option,
    names_in,
    search_options,
    training_options,
)
from .session import Session, pass_session, print_json

if TYPE_CHECKING:
    from ..comparison.comparison import Comparison
    from ..comparison.grid import Question


@click.command("compare")
@data_options
@click.option("--tasks", metavar="A,B,...", help="The tasks, separated by commas (mtl list task).")
@click.option("--sharing", metavar="A,B,...", help="Sharing schemes to compare (mtl list sharing).")
@click.option("--balancer", metavar="A,B,...", help="Balancers to compare (mtl list balancer).")
@click.option("--encoder", metavar="A,B,...", help="Encoders to compare (mtl list encoder).")
@training_options
@click.option(
    "--seeds", default="5", show_default=True, metavar="N|A,B,...", help="How many seeds, or which."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE[,VALUE...]",
    help="Set anything; several values are an axis, a list has brackets. May be repeated.",
)
@metric_option
@click.option(
    "--equal-within",
    "margins",
    multiple=True,
    metavar="TASK=MARGIN",
    help="Call a task equal when its gain is surely within so many points or units. May be repeated.",
)
@click.option(
    "--against",
    metavar="VARIANT",
    help="Hold the variants against this one of them, not against single-task training.",
)
@click.option(
    "--rank",
    "ranked",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Train nothing: rank the methods of finished comparisons, one for each data set. Repeat it.",
)
@search_options
@device_option
@jobs_option
@executor_option
@click.option("--export", is_flag=True, help="Export and verify every cell too.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="The folder [default: runs/compare-TASKS-by-AXES]."
)
@click.option("--force", is_flag=True, help="Replace an existing comparison: train every cell again.")
@click.option("--dry-run", is_flag=True, help=f"Stop at the cells: {LOOKS_ONLY}.")
@json_option
@pass_session
def command(
    session: Session,
    /,
    device: str,
    jobs: int | None,
    executor: str | None,
    export: bool,
    out: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    ranked: tuple[Path, ...],
    **asked: Any,
) -> None:
    """Compare sharing schemes, balancers or anything else with single-task training.

    Every combination is trained at every seed, and every task alone with the same encoder, budget and seeds.
    What is finished in the folder is not trained again: after Ctrl-C or with more seeds, repeat the command.

    \b
    Examples:
      mtl compare --tasks parity,third --encoder mlp --sharing none,hard --seeds 3 --dry-run
      mtl compare --tasks even,third --encoder mlp --sharing hard,none --epochs 1 --seeds 3
    """
    if ranked:
        rank_comparisons(ranked, asked["against"], out, as_json)
        return
    with session.importing():
        from ..base.places import refuse_unusable
        from ..comparison.comparison import Comparing
        from ..comparison.folder import ComparisonFolder, usual_folder
        from ..comparison.grid import folder_name, lay_out
        from ..execution.choosing import Hands
    from .comparison import choose_comparison_progress, print_grid, telling_what_is_kept
    from .comparison_search import planned_searches, searched

    hands = Hands.chosen(session.registry, executor, device, jobs)
    grid, searches = planned_searches(lay_out(question_of(asked), session.registry), asked, session.registry)
    path = out or usual_folder(Path("runs"), folder_name(grid), grid.plan())
    refuse_unusable(path)
    if dry_run:
        print_grid(grid, as_json, ComparisonFolder(path).planned(grid.plan(), len(grid.seeds)))
        return
    progress = choose_comparison_progress()
    comparing = Comparing(session.registry, hands, progress, export, tuple(session.plugin_files))
    with telling_what_is_kept(progress, path):
        grid = searched(searches, grid, comparing, path, force=force)
        _tell(comparing.run(grid, path, force=force), as_json)


def _tell(comparison: Comparison, as_json: bool) -> None:
    """Write what was found; raise when something was not trained."""
    from .comparison import print_comparison

    if as_json:
        print_json({"comparison": str(comparison.path), **comparison.results})
    else:
        print_comparison(comparison)
    comparison.raise_if_incomplete()


def rank_comparisons(folders: tuple[Path, ...], against: str | None, out: Path | None, as_json: bool) -> None:
    """Rank the methods of finished comparisons, and leave the diagram in `out`, by default `runs/ranks`."""
    from ..base.places import refuse_unusable
    from ..comparison.ranked import rank, write_ranking
    from .comparison import print_ranking

    path = out or Path("runs/ranks")
    found = rank(folders, against)
    refuse_unusable(path)
    write_ranking(path, found)
    if as_json:
        print_json({"ranking": str(path), **found})
    else:
        print_ranking(path, found)


def question_of(asked: Mapping[str, Any]) -> Question:
    """Return what a command line asks, from its options by name."""
    from ..comparison.axes import COMPONENTS, assigned_axes, component_axis
    from ..comparison.grid import Question
    from ..recipe.request import Request
    from ..recipe.seed_list import read_seeds

    flags = {name: value for name, value in flags_in(asked).items() if name not in COMPONENTS}
    assignments, axes = assigned_axes(asked["assignments"])
    components = [component_axis(key, asked[key]) for key in COMPONENTS if asked[key] is not None]
    request = Request(asked["recipe"], names_in(asked["tasks"]), flags, assignments)
    metrics = by_task("--metric", "METRIC", asked["metrics"])
    margins = {
        task: _margin(task, given)
        for task, given in by_task("--equal-within", "MARGIN", asked["margins"]).items()
    }
    seeds = read_seeds(asked["seeds"])
    return Question(request, (*components, *axes), seeds, metrics, margins, asked["against"])


def _margin(task: str, given: str) -> float:
    try:
        return float(given)
    except ValueError:
        raise UsageError(
            f"--equal-within {task}={given}: no number", hint="points or the metric's unit, such as 0.2"
        ) from None
