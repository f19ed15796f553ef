"""A component that fails at work is named with its file and what it did: status 3, whatever it raises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
PLUGIN = Path(__file__).parent / "faulty_plugin.py"
COMPOSE = (
    *("--plugin", str(PLUGIN), "compose", "--dataset", "bad-dataset", "--encoder", "bad-encoder"),
    *("--sharing", "bad-sharing", "--balancer", "bad-balancer", "--tasks", "bad-task", "--epochs", "1"),
    *("--set", "augmentations=[bad-augmentation]", "--set", "export=bad-exporter", "--device", "cpu"),
    *("--set", "train.optimizer=bad-optimizer", "--set", "train.schedule=bad-schedule"),
    *("--set", "train.validation=0.25", "--tracker", "bad-tracker", "--out", "run"),
)
FIRST = "failed on its first samples"
CONSTRUCTED = "cannot be constructed"
KINDS = (
    *("dataset", "augmentation", "encoder", "head", "loss", "metric", "task", "sharing", "balancer"),
    *("optimizer", "schedule", "exporter", "tracker"),
)
PLACES = {
    **{f"{kind} constructor": CONSTRUCTED for kind in KINDS},
    "dataset spec": "failed while the model was composed",
    "dataset load": "failed while it loaded the data",
    "encoder accepts": "failed when it was asked what it accepts",
    "encoder stage": FIRST,
    "encoder stage in training": FIRST,
    "head forward": FIRST,
    "head forward in training": FIRST,
    "loss forward": FIRST,
    "loss forward in training": FIRST,
    "metric update": FIRST,
    "metric update in evaluation": "failed while it trained, in epoch 1",
    "metric compute": FIRST,
    "task target": FIRST,
    "task transform": FIRST,
    "task prepare": FIRST,
    "task corrupt": FIRST,
    "augmentation call": FIRST,
    "sharing forward": FIRST,
    "sharing shared parameters": FIRST,
    "balancer weights": "failed while it trained, in epoch 1",
    "balancer epoch": "failed while it trained, in epoch 1",
    "exporter plan": "failed when it was asked whether it can export this",
    "optimizer build": "failed while its training was prepared",
    "optimizer step": "failed while it trained, in epoch 1",
    "schedule factor": "failed while it trained, in epoch 1",
    "schedule problem": "failed while the model was composed",
    "exporter export": "failed in the export",
}
TYPES = {
    "RuntimeError": "RuntimeError: boom",
    "SystemExit": "SystemExit: 0",
    "GeneratorExit": "GeneratorExit",
    "StopIteration": "StopIteration",
    "Own": "Own: boom",
    "Mute": "MuteError",
}
THOROUGH = (
    "encoder constructor",
    "dataset load",
    "encoder stage in training",
    "exporter plan",
    "exporter export",
)
"""Places where every type of exception is tried; elsewhere two."""


def table() -> list[tuple[str, str]]:
    """Return places with what is raised there."""
    return [
        (place, raised)
        for place in PLACES
        for raised in (TYPES if place in THOROUGH else ("RuntimeError", "SystemExit"))
    ]


@pytest.mark.parametrize(("place", "raised"), table())
def test_a_component_that_fails_is_named(
    place: str, raised: str, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", place)
    monkeypatch.setenv("RAISES", raised)
    result = mtl(*COMPOSE)
    kind = place.split()[0]
    line = result.err[result.err.index("error: ") :].splitlines()[0]
    assert line.startswith(f"error: {kind} 'bad-{kind}' of {PLUGIN} {PLACES[place]}")
    assert line.endswith(TYPES[raised]) or raised == "StopIteration"
    assert result.status == 3


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("exporter writes nothing", "its report names run/model.bad, which is not there"),
        ("exporter names nothing", "its report names no files"),
    ],
)
def test_a_report_of_files_that_are_not_there_is_no_export(
    fault: str, told: str, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", fault)
    result = mtl(*COMPOSE)
    assert f"error: exporter 'bad-exporter' of {PLUGIN}: {told}\n" in result.err
    assert result.status == 3


@pytest.mark.parametrize(("place", "raised"), [("start", "SystemExit"), ("scalars", "Own")])
def test_a_tracker_that_fails_is_told_once_and_stops_nothing(
    place: str, raised: str, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", f"tracker {place}")
    monkeypatch.setenv("RAISES", raised)
    result = mtl(*COMPOSE)
    assert result.status == 0
    assert result.err.count("warning: tracker 'bad-tracker' failed: ") == 1
    assert f"failed: {TYPES[raised]}; the run goes on\n" in result.err


def test_the_plugin_works_when_nothing_fails(mtl: Command, tmp_path: Path) -> None:
    assert mtl(*COMPOSE).status == 0
    assert (tmp_path / "run" / "model.bad").is_file()


@pytest.mark.parametrize(
    ("command", "place", "told"),
    [
        ("evaluate", "metric update in evaluation", "failed in evaluation"),
        ("export", "exporter export", "failed in the export"),
        ("verify", "exporter verify", "failed in the verification"),
    ],
)
def test_a_command_on_a_run_names_the_component(
    command: str, place: str, told: str, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mtl(*COMPOSE).status == 0
    monkeypatch.setenv("FAULT", place)
    monkeypatch.setenv("RAISES", "SystemExit")
    result = mtl("--plugin", str(PLUGIN), command, "run")
    kind = place.split()[0]
    assert f"error: {kind} 'bad-{kind}' of {PLUGIN} {told}: SystemExit: 0\n" in result.err
    assert result.status == 3


def test_the_place_in_the_plugins_code_is_shown(mtl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULT", "balancer weights")
    monkeypatch.setenv("RAISES", "RuntimeError")
    assert f"  hint: see {PLUGIN}:" in mtl(*COMPOSE).err


def test_an_interrupt_stays_one(mtl: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.core.training.step import Step

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Step, "__call__", interrupted)
    assert mtl(*COMPOSE).status == 130
