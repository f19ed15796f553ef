"""Checks of sharing schemes: what is shared, and what a task sees when it is asked alone."""

from __future__ import annotations

from math import isfinite

import torch

from ..contracts import Sharing
from .checks import check, require
from .specimens import TASKS, specimens
from .subjects import Subject

_BATCH = 3


@check("sharing")
def check_shared_parameters_are_those_that_are_shared(subject: Subject) -> None:
    """`shared_parameters` are exactly those that more than one task's features depend on in training."""
    for specimen in specimens(subject):
        module = specimen.module().train()
        assert isinstance(module, Sharing)
        parameters = dict(module.named_parameters())
        reached: dict[str, set[str]] = {}
        for task in TASKS:
            image, inputs = specimen.draw(_BATCH)
            output = module(image, inputs, (task,))[task][-1]
            gradients = torch.autograd.grad(output.sum(), list(parameters.values()), allow_unused=True)
            reached[task] = {
                name for name, found in zip(parameters, gradients, strict=True) if found is not None
            }
        expected = set.intersection(*reached.values())
        stated = {id(parameter) for parameter in module.shared_parameters()}
        got = {name for name, parameter in parameters.items() if id(parameter) in stated}
        wrong = sorted(expected ^ got)
        require(
            not wrong,
            f"the {len(expected)} parameters that both tasks depend on",
            f"{len(got)}; wrong about {', '.join(wrong[:3])}",
            "return from `shared_parameters` what more than one task's loss reaches; balancers work on it",
        )


@check("sharing")
def check_a_task_alone_sees_the_same(subject: Subject) -> None:
    """A task's features do not depend on which other tasks are asked for."""
    for specimen in specimens(subject):
        module = specimen.module().eval()
        image, inputs = specimen.draw(_BATCH)
        with torch.no_grad():
            together = module(image, inputs, TASKS)
            for task in TASKS:
                alone = module(image, inputs, (task,))
                require(
                    set(alone) == {task},
                    f"features of task {task!r} alone",
                    ", ".join(alone),
                    "return only the tasks that are asked for",
                )
                same = all(map(torch.allclose, alone[task], together[task]))
                require(
                    same,
                    f"the same features of task {task!r} alone and together",
                    "other ones",
                    "compute what the task needs from the others even when they are not asked for",
                )


@check("sharing")
def check_it_settles_on_the_same(subject: Subject) -> None:
    """What an exported file is made of, `settled()`, gives every task the same features."""
    for specimen in specimens(subject):
        module = specimen.module().eval()
        assert isinstance(module, Sharing)
        image, inputs = specimen.draw(_BATCH)
        with torch.no_grad():
            expected, got = module(image, inputs, TASKS), module.settled()(image, inputs, TASKS)
        for task in TASKS:
            require(
                all(map(torch.allclose, got[task], expected[task])),
                f"the same features of task {task!r} from `settled()`",
                "other ones",
                "leave out only what no task depends on in evaluation mode",
            )


@check("sharing")
def check_what_was_learned_can_be_told(subject: Subject) -> None:
    """`learned` gives tables with titles of their own, as large as their labels say, of finite numbers."""
    for specimen in specimens(subject):
        module = specimen.module().eval()
        assert isinstance(module, Sharing)
        with torch.no_grad():
            tables = module.learned(*specimen.draw(_BATCH))
        titles = [table.title for table in tables]
        require(
            len(set(titles)) == len(titles),
            "a title of its own for every table",
            ", ".join(titles),
            "name the stage or the task in the title",
        )
        for table in tables:
            shape = [len(row) for row in table.values]
            require(
                shape == [len(table.columns)] * len(table.rows)
                and all(isfinite(value) for row in table.values for value in row),
                f"finite values [{len(table.rows)}, {len(table.columns)}] in table {table.title!r}",
                f"rows of {shape}: {table.values}",
                "build it with `LearnedTable.of` from a tensor [rows, columns]",
            )
