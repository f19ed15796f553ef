"""`mtl evaluate`: judge a run's model again."""

from __future__ import annotations

from pathlib import Path

import click

from .completion import runs
from .session import Session, pass_session, print_json


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=runs)
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, run: Path, split: str, device: str, as_json: bool) -> None:
    """Evaluate a run's model on a split, from its recipe and chosen weights.

    \b
    Examples:
      mtl evaluate runs/demo
      mtl evaluate runs/demo --split validation --json
    """
    with session.importing():
        from ..base.device import choose_device
        from ..running.run import load_run
        from .progress import LineProgress
    from .results import print_metrics

    loaded = load_run(run, session.registry, choose_device(device), LineProgress())
    metrics = loaded.evaluate(split)
    if as_json:
        print_json({"run": str(loaded.path), "split": split, "metrics": metrics})
    else:
        print_metrics(metrics)
