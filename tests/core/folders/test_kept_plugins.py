"""A run keeps the plugin files it was made with, and nobody's code runs unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtl.core.base.errors import UsageError
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Registry, discover
from mtl.core.folders.kept_plugins import FOLDER, LIST, keep_plugins, read_recipe_of
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.run import load_run

SOURCE = """
from pathlib import Path
from mtl import Component, hookimpl
from mtl.plugins.encoders.mlp import MLP

class Mine(MLP):
    pass

@hookimpl
def mtl_components():
    return [Component("encoder", "mine", "An encoder of mine", f"{__name__}:Mine")]
"""


def warned(text: str) -> None:
    raise AssertionError(text)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A run with an encoder of a plugin file that is gone since."""
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    registry = discover([file])
    tree = {
        "dataset": {"name": "shapes-synthetic", "train_size": 40, "test_size": 10},
        "tasks": ["rotation"],
        "encoder": {"name": "mine", "hidden": [8]},
        "train": {"epochs": 1},
    }
    recipe = read(RecipeSource(tree), registry)
    Pipeline(registry, torch.device("cpu"), publishes=False).run(recipe, tmp_path / "run")
    file.unlink()
    return (tmp_path / "run").rename(tmp_path / "moved")


def test_a_moved_run_is_evaluated_by_the_plugin_file_that_it_keeps(made: Path, registry: Registry) -> None:
    with pytest.raises(UsageError) as caught:
        load_run(made, registry).evaluate()
    assert str(caught.value).endswith(
        f"{made} was made with plugin files that are not in use: mine.py\n"
        f"  hint: copies are kept in the run; if you trust them: mtl --plugin {made}/plugins/mine.py ..."
    )
    assert "unknown encoder 'mine'" in str(caught.value)
    run = load_run(made, discover([made / FOLDER / "mine.py"]))
    assert run.evaluate() == {"rotation": run.metrics["test"]["rotation"]}
    copy = made / FOLDER / "mine.py"
    copy.write_text(SOURCE + "# changed\n")
    with pytest.raises(UsageError, match=r"the copy .*mine\.py was changed since, or is gone"):
        read_recipe_of(made, registry, warned)
    said: list[str] = []
    read_recipe_of(made, discover([copy]), said.append)
    assert said == [f"{copy} is not the plugin file that {made} was made with; that is {copy}"]


def test_files_of_one_name_are_both_kept_and_what_is_gone_is_told(tmp_path: Path) -> None:
    files = [tmp_path / "a" / "one.py", tmp_path / "b" / "one.py"]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_text(f"n = {number}\n")
    run = tmp_path / "run"
    run.mkdir()
    known = [Provider("one", str(file), "") for file in files]
    said: list[str] = []
    others = [Provider("x", "mtl-composer", "1"), Provider("broken", str(files[0]), "", stage="import")]
    keep_plugins(run, [*known, *others, Provider("gone", str(tmp_path / "gone.py"), "")], said.append)
    kept = {path.name: path.read_text() for path in (run / FOLDER).glob("*.py")}
    assert kept == {"one.py": "n = 0\n", "one-2.py": "n = 1\n"}
    assert len(said) == 1
    assert said[0].endswith("it is not kept in the run")


def test_a_run_without_plugin_files_keeps_none(tmp_path: Path) -> None:
    keep_plugins(tmp_path, [Provider("x", "mtl-composer", "1")], warned)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["[]", '{"../a.py": "0"}', '{"a.py": 3}', "{"])
def test_a_damaged_list_is_refused(tmp_path: Path, registry: Registry, content: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / LIST).write_text(content)
    with pytest.raises(UsageError, match="list of plugin files"):
        read_recipe_of(tmp_path, registry, warned)
