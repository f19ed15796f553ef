"""`mtl affinity`: which tasks together?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .asked import (
    LOOKS_ONLY,
    assignments_option,
    by_task,
    data_options,
    device_option,
    executor_option,
    flags_in,
    jobs_option,
    json_option,
    metric_option,
    names_in,
    training_options,
)
from .session import Session, pass_session, print_json

if TYPE_CHECKING:
    from ..comparison.grid import Question


@click.command("affinity")
@data_options
@click.option("--tasks", metavar="A,B,...", help="Two to eight tasks, separated by commas (mtl list task).")
@click.option("--encoder", metavar="NAME", help="The encoder of every group (mtl list encoder).")
@click.option("--sharing", metavar="NAME", help="The sharing scheme of every group (mtl list sharing).")
@click.option("--balancer", metavar="NAME", help="The balancer of every group (mtl list balancer).")
@training_options
@click.option(
    "--seeds", default="3", show_default=True, metavar="N|A,B,...", help="How many seeds, or which."
)
@assignments_option
@metric_option
@click.option(
    "--parameters",
    metavar="N|1.5x",
    help="The most parameters of all models together; 1.5x: times the one model of all tasks.",
)
@click.option(
    "--multiply-adds",
    metavar="N|1.5x",
    help="The most multiply-adds of a sample through all models together.",
)
@device_option
@jobs_option
@executor_option
@click.option("--out", type=click.Path(path_type=Path), help="The folder [default: runs/affinity-TASKS].")
@click.option("--force", is_flag=True, help="Replace what is there: train every cell again.")
@click.option("--dry-run", is_flag=True, help=f"Stop at the groups and their prices: {LOOKS_ONLY}.")
@json_option
@pass_session
def command(
    session: Session,
    /,
    device: str,
    jobs: int | None,
    executor: str | None,
    out: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Find out which tasks to train together, and the best grouping under a budget.

    Every task is trained alone, with every other one, and with all others. Gains, lookahead affinities and
    gradient cosines say who helps whom, and every grouping within the budget is looked at. What is finished
    in the folder is not trained again: repeat the command with another budget, or with more seeds.

    \b
    Examples:
      mtl affinity --tasks parity,third,classify --encoder mlp --parameters 2x --dry-run
      mtl affinity --tasks even,third,classify --encoder mlp --epochs 1 --seeds 1
    """
    with session.importing():
        from ..affinity.affinity import comparing, folder_of
        from ..affinity.layout import lay_out_groups
        from ..base.places import refuse_unusable
        from ..comparison.folder import ComparisonFolder
        from ..execution.choosing import Hands
    from .comparison import choose_comparison_progress, telling_what_is_kept
    from .grouping import print_affinity, print_layout

    hands = Hands.chosen(session.registry, executor, device, jobs)
    layout = lay_out_groups(_question(asked), session.registry, asked["parameters"], asked["multiply_adds"])
    path = out or folder_of(layout, Path("runs"))
    refuse_unusable(path)
    if dry_run:
        plan = layout.grid.plan()
        print_layout(layout, as_json, ComparisonFolder(path).planned(plan, len(layout.grid.seeds)))
        return
    progress = choose_comparison_progress()
    job = comparing(layout, session.registry, hands, progress, tuple(session.plugin_files))
    with telling_what_is_kept(progress, path):
        found = job.run(layout.grid, path, force=force)
    if as_json:
        print_json({"affinity": str(path), **found.results})
    else:
        print_affinity(found)
    found.raise_if_incomplete()


def _question(asked: Mapping[str, Any]) -> Question:
    """Return what a command line asks, from its options by name."""
    from ..comparison.grid import Question
    from ..recipe.request import Request
    from ..recipe.seed_list import read_seeds

    request = Request(asked["recipe"], names_in(asked["tasks"]), flags_in(asked), asked["assignments"])
    metrics = by_task("--metric", "METRIC", asked["metrics"])
    return Question(request, seeds=read_seeds(asked["seeds"]), metrics=metrics)
