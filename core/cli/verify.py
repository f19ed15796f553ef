"""`mtl verify`: prove that an exported file computes what the run's model computes."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def command(session: Session, target: Path, run: Path | None, runtimes: str | None, as_json: bool) -> None:
    """Compare an export with the model of its run.

    TARGET is a run folder, an exported file, or an exported folder.

    \b
    Examples:
      mtl verify runs/demo
      mtl verify runs/demo/model.onnx --runtime onnxruntime,reference --json
    """
    from ..run import load_run

    run = run or _run_of(target)
    loaded = load_run(run, session.registry)
    names = None if runtimes is None else [name.strip() for name in runtimes.split(",")]
    verification = loaded.verify(None if target == run else target, runtimes=names)
    if as_json:
        print_json(verification)
    else:
        click.echo(f"{target} computes what the model of {loaded.path} computes")
        for name, report in verification.items() if names is not None else [("", verification)]:
            click.echo(f"{name}: " * bool(name) + describe_verification(report))


def _run_of(target: Path) -> Path:
    """Return the run that a target is or lies in; raise `UsageError` when there is none."""
    if not target.exists():
        raise UsageError(f"{target} does not exist", hint="name a run folder or an exported file in one")
    for folder in (target, target.absolute().parent) if target.is_dir() else (target.parent,):
        if (folder / "recipe.yaml").is_file():
            return folder
    if target.is_dir() and not (target / "SHA256SUMS").is_file():
        return target
    raise UsageError(f"{target} lies in no run folder", hint=f"name its run: mtl verify {target} --run RUN")
