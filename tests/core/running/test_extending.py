"""A model gets a task more under every sharing scheme: the old answers are the same bits, or it says no."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.discovery.registry import Registry, discover
from mtl.core.running.extending import Extension, extended
from mtl.core.running.run import load_run

from .conftest import pipeline_of, recipe_of

MIXING = {"cross-stitch", "ltb", "ple"}
"""Schemes in which a new task changes what the old ones see."""

SHARINGS = [
    pytest.param(name, marks=() if name in ("hard", "mmoe") else pytest.mark.slow)
    for name in discover().names("sharing")
]
TASKS = {"shape-class": {}, "shape-count": {}}
NEW = "again"


@pytest.mark.parametrize("sharing", SHARINGS)
def test_the_old_tasks_answer_as_before(sharing: str, registry: Registry, tmp_path: Path) -> None:
    recipe = recipe_of(registry, tasks=TASKS, sharing=sharing, train={"batch_size": 16})
    pipeline_of(registry).run(recipe, tmp_path / "run")
    run = load_run(tmp_path / "run", registry)
    # By default it has an expert per task.
    size = ("sharing.experts=2",) if sharing == "mmoe" else ()
    asked = Extension((NEW,), assignments=(f"tasks.{NEW}.task=shape-count", *size))
    if sharing in MIXING:
        with pytest.raises(UsageError, match="changes with the tasks") as caught:
            extended(run, asked, registry, print)
        assert "--finetune" in str(caught.value.hint)
        return
    recipe, source = extended(run, asked, registry, print)
    outcome = pipeline_of(registry).run(recipe, tmp_path / "more", source=source)
    model, old = outcome.composition.model.eval(), run.model
    assert model.tasks == (*TASKS, NEW)
    assert any(parameter.requires_grad for parameter in model.head(NEW).parameters())
    batch = outcome.splits.test.batch(torch.arange(16))
    with torch.no_grad():
        before, after = old(batch.image, batch.inputs), model(batch.image, batch.inputs)
    for task, known in before.items():
        assert torch.equal(known, after[task]), task


def test_everything_is_trained_where_that_is_asked_for(
    counted: Path, registry: Registry, tmp_path: Path
) -> None:
    asked = Extension(("shape-class",), finetune=True)
    recipe, _ = extended(load_run(counted, registry), asked, registry, print)
    assert recipe.train.freeze == ()
    outcome = pipeline_of(registry).run(recipe, tmp_path / "more")
    old = load_run(counted, registry).model.state_dict()
    new = outcome.composition.model.state_dict()
    assert any(not torch.equal(old[key], new[key]) for key in old if key.startswith("sharing."))
