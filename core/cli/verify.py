"""`mtl verify`: prove that an exported file computes what the run's model computes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..base.errors import UsageError, VerificationError
from ..base.time_limit import TooLate, within
from ..recipe.several_runs import refuse_several
from .results import describe_verification
from .session import Session, pass_session, print_json


@click.command("verify")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--run", type=click.Path(path_type=Path), help="The run of the file [default: its folder].")
@click.option(
    "--runtime",
    "runtimes",
    metavar="A,B",
    help="Where to run the file, for example onnxruntime,openvino,reference [default: the first].",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    default=600.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Time for the whole comparison.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(
    session: Session, target: Path, run: Path | None, runtimes: str | None, timeout: float, as_json: bool
) -> None:
    """Compare an export with the model of its run.

    TARGET is a run folder, an exported file, or an exported folder. A bundle that lies in no run is checked
    by itself: the sums of its files, and its models on the samples beside them.

    \b
    Examples:
      mtl verify runs/demo
      mtl verify runs/demo/model.onnx --runtime onnxruntime,reference --json
    """
    names = None if runtimes is None else [name.strip() for name in runtimes.split(",")]
    run = run or _run_of(target)
    try:
        verification = within(timeout, lambda: _compared(session, target, run, names))
    except TooLate:
        raise VerificationError(
            f"{target} was not compared within {timeout:g} s", hint="pass a larger --timeout"
        ) from None
    told = f"computes what the model of {run} computes" if run else "is as it was exported"
    if as_json:
        print_json(verification)
    else:
        click.echo(f"{target} {told}")
        for name, report in verification.items() if names is not None else [("", verification)]:
            click.echo(f"{name}: " * bool(name) + describe_verification(report))


def _compared(session: Session, target: Path, run: Path | None, names: list[str] | None) -> Mapping[str, Any]:
    with session.importing():
        from ..running.run import load_run
        from .progress import LineProgress

    if run is None:
        return _alone(session, target, names or [])
    loaded = load_run(run, session.registry, progress=LineProgress())
    return loaded.verify(None if target == run else target, runtimes=names)


def _run_of(target: Path) -> Path | None:
    """Return the run that a target is or lies in, or None; raise `UsageError` when there is no target."""
    if not target.exists():
        raise UsageError(f"{target} does not exist", hint="name a run folder or an exported file in one")
    refuse_several(target)
    around = (target, target.absolute().parent) if target.is_dir() else (target.parent,)
    return next((folder for folder in around if (folder / "recipe.yaml").is_file()), None)


def _alone(session: Session, target: Path, runtimes: list[str]) -> Mapping[str, Any]:
    """Check an export that lies in no run."""
    from ..running.exporting import check_runtimes, exporter_of

    exporter = exporter_of(session.registry, target)
    check_runtimes(exporter, target, runtimes)
    return exporter.check(target, runtimes)
