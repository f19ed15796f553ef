"""`mtl plugin new`: a complete small package to start from."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("new")
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    metavar="KIND,...",
    default="encoder,task",
    show_default=True,
    help="Kinds of components to write, separated by commas, or `all`.",
)
@click.option(
    "--into",
    "parent",
    metavar="DIR",
    default=".",
    type=click.Path(path_type=Path),
    help="Folder to write the package's folder to.  [default: the current one]",
)
def command(name: str, kinds: str, parent: Path) -> None:
    """Write a complete small plugin package to the folder NAME.

    It has a project file, hooks, one component of each kind, a conformance test, a README with the commands
    to install, check and use it, and workflows that test it on GitHub and publish it on PyPI. NAME is
    lower-case words joined by hyphens.

    \b
    Examples:
      mtl plugin new my-plugin
      mtl plugin new my-data --kind dataset,metric
    """
    from ..contracts.records import KINDS
    from ..scaffold import write_package

    wanted = list(KINDS) if kinds == "all" else [kind.strip() for kind in kinds.split(",") if kind.strip()]
    for path in write_package(name, wanted, parent):
        click.echo(path)
    folder = parent / name
    click.echo(f"next: pip install -e '{folder}[test]' && python -m pytest {folder}", err=True)
