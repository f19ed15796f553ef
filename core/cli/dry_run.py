"""`mtl compose --dry-run`: what the run would refuse before it loads its data, and else its plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .session import Session, print_json, warn

if TYPE_CHECKING:
    import torch

    from ..composition.composition import Composition
    from ..recipe.recipe import Recipe
    from ..recipe.recipe_source import RecipeSource
    from ..running.starting import Taken


@dataclass(frozen=True)
class Wanted:
    """What a command line says beside the recipe: who trains which seeds on what, and into which folder."""

    device: str
    devices: int | None
    executor: str | None
    jobs: int | None
    seeds: Sequence[int] | None
    out: Path | None
    force: bool


def plan_run(
    session: Session, recipe: Recipe, source: RecipeSource, wanted: Wanted, as_json: bool = False
) -> None:
    """Compose, look at some of the data's files, and print what would be trained; raise as the run does."""
    from ..base.places import refuse_unusable
    from ..base.ranks import Ranks
    from ..folders.run_folder import RunFolder
    from ..recipe.recipe_source import write_yaml
    from ..running.foreseeing import refuse_unfit
    from ..running.tracking import build_trackers
    from .plan import describe_costs, describe_plan

    device, told = _trained_by(session, wanted)
    if wanted.out is not None:
        refuse_unusable(wanted.out)
        if wanted.executor is None:
            RunFolder.refuse_existing(wanted.out, force=wanted.force)
    composition, taken = _composed(session, recipe, source)
    if device is not None:
        refuse_unfit(composition, device, Ranks(0, told.get("processes", 1)))
    build_trackers(composition.recipe, session.registry, source)
    plan = composition.plan() | told
    plan["data"] += map(str, composition.glance())
    if as_json:
        print_json(plan)
        return
    click.echo(describe_plan(plan), err=True)
    click.echo(describe_costs(plan), err=True)
    for line in taken.lines() if taken else ():
        click.echo(line, err=True)
    click.echo(write_yaml(plan["recipe"]), nl=False)


def _composed(session: Session, recipe: Recipe, source: RecipeSource) -> tuple[Composition, Taken | None]:
    if recipe.init_from is None:
        from ..composition.composer import compose

        return compose(recipe, session.registry, source), None
    from ..running.starting import compose_started

    return compose_started(recipe, session.registry, warn, source)


def _trained_by(session: Session, wanted: Wanted) -> tuple[torch.device | None, dict[str, Any]]:
    """Return the device (None: not of this machine), and what the plan says of what was asked for."""
    seeds = {} if wanted.seeds is None else {"seeds": list(wanted.seeds)}
    if wanted.executor is not None:
        from ..base.device import choose_device
        from ..execution.choosing import Hands

        hands = Hands.chosen(session.registry, wanted.executor, wanted.device, wanted.jobs)
        here = None if hands.executor.elsewhere else choose_device(hands.device)
        jobs = {} if wanted.jobs is None else {"jobs": wanted.jobs}
        return here, {"device": hands.device, "executor": wanted.executor, **jobs, **seeds}
    from .processes import choose_processes

    device, processes = choose_processes(wanted.device, wanted.devices, several=wanted.seeds is not None)
    asked = wanted.device != "auto" or processes > 1
    return device, ({"device": str(device), "processes": processes} if asked else {}) | seeds
