"""Who does trainings: named with options, refused without his package, a stranger's as well as a built-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl.core.base.errors import ComponentError, MissingRequirementError, RecipeError
from mtl.core.contracts import Work
from mtl.core.discovery.registry import Registry, discover
from mtl.core.execution.choosing import Hands, choose_executor
from mtl.core.testing.executor_checks import JOBS, perform
from mtl.plugins import packages
from mtl.plugins.executors.local import Local
from mtl.plugins.executors.slurm import Slurm

STRANGER = """
from mtl import Component, hookimpl
from mtl.contracts import Executor

class Mine(Executor):
    elsewhere = True

    def execute(self, jobs, work):
        for job in jobs:
            yield work.perform(job, None)

@hookimpl
def mtl_components():
    yield Component("executor", "mine", "A stranger's", "mine_plugin:Mine")
"""


def test_without_a_name_it_is_this_machine_and_the_folder_is_its_own(registry: Registry) -> None:
    hands = Hands.chosen(registry, device="cpu", at_once=3)
    assert type(hands.executor) is Local
    assert (hands.device, hands.at_once, hands.shares) == ("cpu", 3, False)


@pytest.mark.parametrize("named", ["{name: slurm, each: 3}", {"name": "slurm", "each": 3}])
def test_options_are_written_as_in_a_recipe(registry: Registry, named: object) -> None:
    executor = choose_executor(registry, named)  # type: ignore[arg-type]
    assert type(executor) is Slurm
    assert executor.each == 3


def test_an_option_that_is_wrong_is_refused(registry: Registry) -> None:
    with pytest.raises(RecipeError, match="--executor: option 'each'"):
        choose_executor(registry, "{name: slurm, each: 0}")


def test_a_strangers_is_found_and_may_be_asked_for_devices_that_are_not_here(
    install_plugin: Callable[..., str],
) -> None:
    install_plugin("mine-plugin", STRANGER)
    hands = Hands.chosen(discover(), "mine", "cuda:7")
    assert type(hands.executor).__module__ == "mine_plugin"
    assert (hands.device, hands.shares) == ("cuda:7", True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise OverflowError('no more')", "failed while it had work done: OverflowError: no more"),
        ("yield 7", "yielded 7, which ends no job that it has"),
        ("yield JobEnding('of nobody')", "which ends no job that it has"),
    ],
)
def test_one_that_fails_is_named(
    install_plugin: Callable[..., str], tmp_path: Path, body: str, said: str
) -> None:
    text = STRANGER.replace("yield work.perform(job, None)", body)
    install_plugin("mine-plugin", text.replace("import Executor", "import Executor, JobEnding"))
    hands = Hands.chosen(discover(), "mine", "cpu")
    with pytest.raises(ComponentError, match=said) as refusal:
        list(hands.endings(iter(JOBS), Work(perform, "cpu", tmp_path)))
    assert "mine-plugin" in refusal.value.message


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_without_its_package_it_says_what_to_install(
    registry: Registry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda package: None)
    with pytest.raises(MissingRequirementError, match=f"executor '{name}' needs the package") as refusal:
        choose_executor(registry, name)
    assert refusal.value.hint == f"pip install 'mtl-composer[{name}]'"
