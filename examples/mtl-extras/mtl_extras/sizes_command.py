"""`mtl sizes`: where a model's parameters are."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from torch import nn

    from mtl import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sizes(run: Path, as_json: bool) -> None:
    """Count a run's parameters, part by part.

    \b
    Examples:
      mtl sizes runs/demo
      mtl sizes runs/demo --json
    """
    import mtl  # torch only when the command runs

    parts = count(mtl.load(run))
    if as_json:
        click.echo(json.dumps(parts, indent=2))
        return
    width = max(map(len, parts))
    for name, size in parts.items():
        click.echo(f"{name.ljust(width)}  {size:>12,}")


def count(run: "Run") -> dict[str, int]:
    """Return the number of parameters of the encoders (shared, and of single tasks), the heads, and all."""
    model = run.model
    shared = _size(model.sharing.shared_parameters())
    parts = {"encoder, shared": shared, "encoder, per task": _size(model.sharing.parameters()) - shared}
    parts |= {f"head {task}": _size(model.head(task).parameters()) for task in model.tasks}
    return {**parts, "all": _size(model.parameters())}


def _size(parameters: "Iterable[nn.Parameter]") -> int:
    return sum(parameter.numel() for parameter in parameters)
