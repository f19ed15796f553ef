"""`mtl prune`: a trained model with fewer channels, trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .asked import drops_in, epochs_option, json_option, new_run_options
from .results import tell_pruning
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..running.pipeline import Outcome, Pipeline
    from ..running.pruning import Pruning


@click.command("prune")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--ratio",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Share of the channels of each layer of the encoders that is taken away.",
)
@epochs_option
@click.option(
    "--max-drop",
    "drops",
    multiple=True,
    metavar="NAME=VALUE",
    help="Most that a task or metric may lose (points, dB, or percent of an error).",
)
@new_run_options
@json_option
@pass_session
def command(
    session: Session,
    /,
    run: Path,
    ratio: float,
    drops: tuple[str, ...],
    assignments: tuple[str, ...],
    device: str,
    out: Path | None,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Take channels away from a run's model and train the rest on, in a new run.

    Of each layer of the encoders the channels with the smallest weights go. What that costs every task, and
    what it saves, is told; where a task loses more than --max-drop allows, the new run has no exported file.

    \b
    Examples:
      mtl prune runs/demo --epochs 3
      mtl prune runs/demo --ratio 0.3 --max-drop classify=1
    """
    with session.importing():
        from ..base.device import choose_device
        from ..running.pipeline import Pipeline
        from ..running.pruning import Pruning
    from .progress import choose_progress, finish_run

    progress = choose_progress()
    given = {name: value for name, value in flags.items() if value is not None}
    asked = Pruning(ratio, drops_in(drops), given, assignments)
    found: dict[str, Any] = {}
    job = _job(Pipeline(session.registry, choose_device(device), progress), run, asked, found, out, force)
    finish_run(progress, as_json, job, found, "pruning")
    if not as_json:
        tell_pruning(found)


def _job(
    pipeline: Pipeline, run: Path, asked: Pruning, found: dict[str, Any], out: Path | None, force: bool
) -> Callable[[], Outcome]:
    """Return the training, ready to begin; what it cost and saved is put into `found` after it."""
    from ..api import run_name
    from ..base.places import refuse_unusable
    from ..running.pruning import PrunedFrom, pruned_recipe
    from ..running.run import load_run

    old = load_run(run, pipeline.registry, progress=pipeline.progress)
    recipe, source = pruned_recipe(old, asked, pipeline.registry)
    path = out or Path("runs") / run_name(recipe.to_plain())
    refuse_unusable(path)

    before = PrunedFrom.of(old, asked)
    how: dict[str, Any] = {"source": source, "force": force, "numbered": out is None}

    def job() -> Outcome:
        outcome = pipeline.run(recipe, path, notes={before.file: before.begun()}, **how)
        found.update(before.judge(outcome, pipeline.progress.warning))
        return outcome

    return job
