"""Every hook is documented with its signature, and works through a package of its own."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mtl
from mtl.core.cli.main import run
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import hookspecs
from mtl.core.contracts.records import KINDS
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.recipe.request import Request
from mtl.core.running.tracking import build_trackers

Install = Callable[..., str]
DOCUMENT = Path(__file__).parents[1] / "docs" / "plugins.md"
HOOKS = {
    name: found for name, found in vars(hookspecs).items() if inspect.isfunction(found) and name[:4] == "mtl_"
}
RUN_HOOKS = sorted(set(HOOKS) - {"mtl_components", "mtl_commands"})

COMPONENT = '''
from mtl import Component, hookimpl
from {module} import {base}

class Mine({base}):
    """A stranger's."""

@hookimpl
def mtl_components():
    yield Component("{kind}", "mine", "A stranger's", "{plugin}:Mine")
'''
# For each kind: a built-in to derive from, where a recipe names it, and where a composition has it.
PLACES: dict[str, tuple[str, dict[str, Any], Callable[[Composition], object]]] = {
    "dataset": ("digits", {"dataset": "mine"}, lambda made: made.dataset),
    "augmentation": ("flip", {"augmentations": ["mine"]}, lambda made: made.augmentations[0]),
    "encoder": ("lenet", {"encoder": "mine"}, lambda made: made.model.sharing.encoder),
    "head": ("linear", {"tasks": {"classify": {"head": "mine"}}}, lambda made: made.model.head("classify")),
    "loss": ("cross-entropy", {"tasks": {"classify": {"loss": "mine"}}}, lambda made: only_task(made).loss),
    "metric": (
        "accuracy",
        {"tasks": {"classify": {"metrics": ["mine"]}}},
        lambda made: only_task(made).metrics["mine"],
    ),
    "task": ("classify", {"tasks": {"digit": {"task": "mine"}}}, lambda made: only_task(made).task),
    "sharing": ("hard", {"sharing": "mine"}, lambda made: made.model.sharing),
    "balancer": ("sum", {"balancer": "mine"}, lambda made: made.balancer),
    "optimizer": ("sgd", {"train": {"optimizer": "mine"}}, lambda made: made.training.optimizer),
    "schedule": ("linear", {"train": {"schedule": "mine"}}, lambda made: made.training.schedule),
    "exporter": ("onnx", {"export": "mine"}, lambda made: made.exporter),
    "tracker": ("jsonl", {"trackers": ["mine"]}, lambda made: tracker_of(made)),
}


def tracker_of(made: Composition) -> object:
    """Return the tracker that a run of a composition would tell."""
    (named,) = build_trackers(made.recipe, discover())
    return named.tracker


def only_task(made: Composition) -> Any:
    (task,) = made.tasks.values()
    return task


@pytest.mark.parametrize("kind", PLACES)
def test_mtl_components_adds_a_component_of_each_kind_that_a_recipe_can_use(
    kind: str, install_plugin: Install, registry: Registry
) -> None:
    parent, place, part = PLACES[kind]
    module, _, base = registry.find(kind, parent).component.target.partition(":")
    plugin = f"{kind}_plugin"
    install_plugin(f"{kind}-plugin", COMPONENT.format(module=module, base=base, kind=kind, plugin=plugin))
    found = discover()
    made = compose(read(RecipeSource({"tasks": {"classify": None}, **place}), found), found)
    assert type(part(made)).__module__ == plugin


RECIPES = """
from mtl import Component, hookimpl

@hookimpl
def mtl_components():
    yield Component("recipe", "fast", "Quick", "recipes_data:fast.yaml")
"""


def test_mtl_components_adds_a_recipe_from_package_data(install_plugin: Install, tmp_path: Path) -> None:
    install_plugin("recipes-plugin", RECIPES)
    data = tmp_path / "site-recipes-plugin" / "recipes_data"
    data.mkdir()
    (data / "__init__.py").touch()
    (data / "fast.yaml").write_text("tasks: [denoise]\ntrain: {epochs: 3}\n")
    found = discover()
    recipe = read(Request(recipe="fast").source(found), found)
    assert [task.name for task in recipe.tasks] == ["denoise"]
    assert recipe.train.epochs == 3


COMMANDS = """
import click
from mtl import hookimpl

@hookimpl
def mtl_commands(cli):
    cli.add_lazy("greet", "commands_plugin:greet", "Say hello.")

@click.command()
def greet():
    click.echo("hello")
"""


def test_mtl_commands_adds_a_command(install_plugin: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install_plugin("commands-plugin", COMMANDS)
    assert run(["greet"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert run(["--help"]) == 0
    assert "Say hello." in capsys.readouterr().out


RECORDING = """
from mtl import hookimpl

calls = []

@hookimpl
def {hook}({names}):
    calls.append(dict({keywords}))
"""
# What a hook must have been called with; a hook without an entry here has no test.
EXPECTED: dict[str, Callable[[list[dict[str, Any]], Path], bool]] = {
    "mtl_run_started": lambda calls, path: (
        [(call["run"], call["recipe"]["train"]["epochs"]) for call in calls] == [(path, 2)]
    ),
    "mtl_epoch_ended": lambda calls, path: (
        [(call["run"], call["epoch"], "train/classify/loss" in call["row"]) for call in calls]
        == [(path, 1, True), (path, 2, True)]
    ),
    "mtl_run_finished": lambda calls, path: (
        [call["metrics"]["test"] == json.loads((path / "metrics.json").read_text())["test"] for call in calls]
        == [True]
    ),
    "mtl_exported": lambda calls, path: [call["files"][0] for call in calls] == [path / "model.onnx"],
}


def test_run_hooks_are_called_with_what_happened(install_plugin: Install, tmp_path: Path) -> None:
    for hook in RUN_HOOKS:
        names = list(inspect.signature(HOOKS[hook]).parameters)
        keywords = ", ".join(f"{name}={name}" for name in names)
        source = RECORDING.format(hook=hook, names=", ".join(names), keywords=keywords)
        install_plugin(hook.replace("_", "-"), source)
    path = tmp_path / "run"
    mtl.compose(
        ["classify"],
        encoder={"name": "mlp", "hidden": [8]},
        epochs=2,
        set={"train.validation": 0.8},
        out=path,
        device="cpu",
        registry=discover(),
    )
    for hook in RUN_HOOKS:
        calls = sys.modules[hook].calls
        assert EXPECTED[hook](calls, path), f"{hook}: {calls}"


def test_a_broken_run_hook_is_the_plugins_fault(install_plugin: Install) -> None:
    """A hook with an argument that does not exist makes the plugin broken, before anything runs."""
    install_plugin(
        "wrong-plugin", "from mtl import hookimpl\n@hookimpl\ndef mtl_epoch_ended(run, batch): pass\n"
    )
    (provider,) = [found for found in discover().providers if found.distribution == "wrong-plugin"]
    assert provider.status == "broken"
    assert "batch" in (provider.reason or "") or "batch" in (provider.trace or "")


def test_every_hook_has_a_test_with_a_plugin_of_its_own() -> None:
    assert {"mtl_components", "mtl_commands", *EXPECTED} == set(HOOKS)
    # No recipe names a form of answer, which a task has (`tests/test_new_form.py`), nor an executor.
    assert {*PLACES, "recipe", "form", "executor"} == set(KINDS)
    assert sorted(EXPECTED) == RUN_HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_signature_and_its_standing(hook: str) -> None:
    signature = str(inspect.signature(HOOKS[hook])).replace("'", "")
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| `{hook}{signature}` |")]
    assert len(rows) == 1, f"docs/plugins.md has no row for {hook}{signature}"
    assert rows[0].split("|")[-2].strip() in ("stable", "provisional")
