"""What one training can be told, all trainings of a comparison can be told by the same option."""

from __future__ import annotations

from typing import Any

import click

from mtl.core.cli import compare, compose
from mtl.core.recipe.request import FLAGS

_OF_ONE = {"seed", "tracker"}
"""Of a single training: a comparison has its own seeds, and trackers follow one run."""


def options(command: click.Command) -> dict[str, Any]:
    return {option.name: option for option in command.params if option.name in FLAGS}


def test_compare_has_the_options_of_compose() -> None:
    assert set(options(compose.command)) == set(FLAGS)
    assert set(options(compare.command)) == set(FLAGS) - _OF_ONE


def test_they_reach_the_recipe_of_every_cell() -> None:
    line = ["--tasks", "even,third", "--sharing", "hard,none", "--init-from", "runs/first", "--deterministic"]
    question = compare.question_of(compare.command.make_context("compare", line).params)
    flags = {name: value for name, value in question.request.flags.items() if value is not None}
    assert flags == {"init_from": "runs/first", "deterministic": True}
    assert [axis.key for axis in question.axes] == ["sharing"]
