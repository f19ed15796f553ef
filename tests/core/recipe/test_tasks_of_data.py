"""A data set may say which tasks its labels call for; a recipe takes, names or overrides them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtl.core.base.errors import RecipeError
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.request import Request


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Eight pictures with a colour, and with a column that is called as a task is."""
    lines = ["file,colour,even,n"]
    for number in range(8):
        pixels = np.random.default_rng(number).integers(256, size=(5, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{('red', 'blue')[number % 2]},{('yes', 'no')[number % 2]},{number / 2}")
    (tmp_path / "photos.csv").write_text("\n".join(lines))
    return tmp_path / "photos.csv"


def tasks_of(registry: Registry, tasks: Any = None, recipe: Any = None, **flags: Any) -> dict[str, Any]:
    recipe = read(Request(recipe, tasks, flags).source(registry), registry)
    return {task.name: (task.task.name, task.task.options.get("label")) for task in recipe.tasks}


ALL = {"colour": ("classify", "colour"), "even": ("classify", "even"), "n": ("regress", "n")}


def test_without_tasks_all_of_the_datas_own_are_taken(registry: Registry, photos: Path) -> None:
    assert tasks_of(registry, data=photos) == ALL


def test_names_are_those_of_the_data_before_those_of_components(registry: Registry, photos: Path) -> None:
    found = tasks_of(registry, ["even", "rotation", "n"], data=photos)
    assert found == {"even": ALL["even"], "rotation": ("rotation", None), "n": ALL["n"]}


def test_options_are_added_and_a_task_that_is_named_counts(registry: Registry, photos: Path) -> None:
    recipe = {
        "dataset": {"name": "table", "file": str(photos)},
        "tasks": {"colour": {"weight": 2.0}, "even": {"task": "classify", "label": "colour"}},
    }
    source = Request(recipe).source(registry)
    assert [task.weight for task in read(source, registry).tasks] == [2.0, 1.0]
    assert tasks_of(registry, recipe=recipe) == {"colour": ALL["colour"], "even": ALL["colour"]}


def test_the_file_goes_to_the_data_set_that_a_recipe_has_for_it(registry: Registry, photos: Path) -> None:
    recipe = {"dataset": {"name": "table", "columns": {"even": "ignore"}}}
    assert set(tasks_of(registry, recipe=recipe, data=photos)) == {"colour", "n"}
    assert tasks_of(registry, recipe={"dataset": "digits"}, data=photos) == ALL


def complaints(registry: Registry, tasks: Any = None, recipe: Any = None, **flags: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        tasks_of(registry, tasks, recipe, **flags)
    return [str(problem) for problem in caught.value.problems]


def test_a_mistake_in_the_data_is_told_once_with_the_others(registry: Registry, tmp_path: Path) -> None:
    found = complaints(registry, recipe={"encoder": "lenett"}, data=tmp_path / "gone.csv")
    assert len(found) == 2
    assert "lenett" in found[0]
    assert found[1].startswith(f"--data: {tmp_path}/gone.csv: there is no such file")


def test_names_are_not_called_unknown_when_the_data_cannot_be_read(
    registry: Registry, tmp_path: Path
) -> None:
    (found,) = complaints(registry, ["colour"], data=tmp_path / "gone.csv")
    assert "no such file" in found


def test_an_unknown_name_is_held_against_the_datas_own(registry: Registry, photos: Path) -> None:
    (found,) = complaints(registry, ["color"], data=photos)
    assert found.endswith("unknown task 'color'\n  hint: did you mean 'colour'?")
    (found,) = complaints(registry, ["weight"], data=photos)
    assert found.endswith("hint: tasks of this data: colour, even, n; mtl list task names others")


def test_most_data_sets_have_no_tasks_of_their_own(registry: Registry) -> None:
    assert "no tasks are named" in complaints(registry)[0]
