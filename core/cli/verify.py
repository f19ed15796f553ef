"""`mtl verify`: prove that an exported file computes what the run's model computes."""

from __future__ import annotations

from pathlib import Path

import click

from .results import describe_verification
from .session import Session, pass_session, print_json


@click.command("verify")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--run", type=click.Path(path_type=Path), help="The run of the file [default: its folder].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, target: Path, run: Path | None, as_json: bool) -> None:
    """Compare an exported file with the model of its run.

    TARGET is a run folder or an exported file.

    \b
    Examples:
      mtl verify runs/demo
      mtl verify runs/demo/model.onnx --json
    """
    from ..errors import UsageError
    from ..run import load_run

    if not target.exists():
        raise UsageError(f"{target} does not exist", hint="name a run folder or an exported file in one")
    if run is None and target.is_file() and not (target.parent / "recipe.yaml").is_file():
        raise UsageError(
            f"{target} lies in no run folder", hint=f"name its run: mtl verify {target} --run RUN"
        )
    loaded = load_run(run or target, session.registry)
    verification = loaded.verify(target if target.is_file() else None)
    if as_json:
        print_json(verification)
    else:
        click.echo(f"{target} computes what the model of {loaded.path} computes")
        click.echo(describe_verification(verification))
