"""How an affinity looks on a terminal: the groups before it is trained, tables and sentences after."""

from __future__ import annotations

import click

from ..affinity.layout import Layout
from ..affinity.partitions import partitions, shown
from ..affinity.prices import price_of_all
from ..affinity.tables import grouping_rows, pair_rows
from ..comparison.comparison import Comparison
from ..comparison.power import power_of
from .results import print_table
from .session import print_json


def print_layout(layout: Layout, as_json: bool, planned: int) -> None:
    """Write what would be trained, and what groupings cost, where so many seeds are planned."""
    priced = sorted((price_of_all(parts, layout.prices), parts) for parts in partitions(layout.tasks))
    allowed = [(price, parts) for price, parts in priced if layout.budget.allows(price)]
    grid = layout.grid
    if as_json:
        print_json(
            {
                "data": list(grid.looked_at),
                "tasks": {name: item.to_json() for name, item in grid.yardsticks.items()},
                "seeds": list(grid.seeds),
                "trainings": len(grid.cells),
                "budget": layout.budget.to_json(),
                "prices": [
                    {"tasks": list(group), **price.to_json()} for group, price in layout.prices.items()
                ],
                "groupings": len(priced),
                "within_budget": len(allowed),
                "power": power_of(grid, planned).to_json(),
            }
        )
        return
    rows = [
        [" + ".join(group), f"{price.parameters:,}", f"{price.multiply_adds:,}"]
        for group, price in layout.prices.items()
    ]
    print_table(rows, ["group", "parameters", "multiply-adds"])
    ends = [f"{shown(parts)} ({price.parameters:,} parameters)" for price, parts in (allowed[0], allowed[-1])]
    said = f"{len(allowed)} of {len(priced)} groupings can be had {layout.budget.sentence()}"
    click.echo("\n".join(["", *grid.looked_at]), err=True)
    click.echo(f"{said}: from {ends[0]} to {ends[1]}", err=True)
    alone = sum(cell.task is not None for cell in grid.cells)
    seeds = ", ".join(map(str, grid.seeds))
    counts = f"{len(grid.cells) - alone} of groups and {alone} single-task"
    click.echo(f"{len(grid.cells)} trainings: {counts}, seeds {seeds}", err=True)
    click.echo(power_of(grid, planned).sentence(), err=True)


def print_affinity(found: Comparison) -> None:
    """Write both tables and the sentences to stdout: plain, as they are when piped."""
    header, rows = pair_rows(found.results)
    print_table(rows, header)
    click.echo("")
    header, rows = grouping_rows(found.results)
    print_table(rows, header)
    click.echo("")
    for sentence in found.verdicts:
        click.echo(sentence)
    if not found.results["method"]["enough_seeds"]:
        click.echo("nothing is sure from fewer than 3 seeds; 5 or more are better", err=True)
    for note in found.results["notes"]:
        click.echo(f"note: {note}", err=True)
    click.echo(f"everything else is in {found.path / 'report.html'}", err=True)
