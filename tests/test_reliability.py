"""The scorecard: its parts do what they say, a few trials of it run, and its page shows its results."""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a module of the scorecard by its name; the folder of benchmarks is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.reliability.{name}")


def scorecard(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.reliability", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def results(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_there_is_a_row_for_every_number_and_each_says_what_it_promises(part: Any) -> None:
    rows = part("rows").all_rows()
    assert list(rows) == [f"R{number}" for number in range(1, 18)]
    for row in rows.values():
        assert row.title
        assert row.promise
        assert row.count >= 10


def test_every_fault_names_a_row_that_is_there(part: Any) -> None:
    faults = part("faults").FAULTS
    assert len({fault.name for fault in faults}) >= 10
    assert {fault.row for fault in faults} <= set(part("rows").all_rows())


def test_the_page_shows_the_results(part: Any) -> None:
    card = part("scorecard").Scorecard()
    text = (ROOT / "docs" / "reliability.md").read_text()
    runs = importlib.import_module("benchmarks.fuzz.results").kept_runs()
    for name, content in part("page").rendered(card.results(), card.faults(), runs).items():
        shown = re.search(rf"<!-- measured: {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
        assert shown is not None
        assert shown[1] == content


def test_damage_is_the_same_for_the_same_seed(part: Any) -> None:
    mutated = part("mutating").mutated
    content = bytes(range(256))
    several = [[mutated(content, random.Random(seed)) for _ in range(3)] for seed in (1, 1, 2)]
    assert several[0] == several[1] != several[2]


def test_a_child_tells_how_it_ended(part: Any) -> None:
    child = part("children").Child

    def fails() -> None:
        raise KeyError("x")

    said = child().call(lambda: print("hello") or 3)
    assert (said.status, said.output, said.fault((3,))) == (3, "hello\n", None)
    assert "Traceback" in (child().call(fails).fault((0,)) or "")
    assert child(kill_after=0.05).call(lambda: time.sleep(30)).killed
    assert "still running" in (child(seconds=0.05).call(lambda: time.sleep(30)).fault((0,)) or "")


def test_a_trial_that_ends_its_process_is_found_and_the_others_go_on(part: Any) -> None:
    trying, findings = part("trying"), part("row").Findings()
    trials = [
        trying.Trial("good", lambda: ("read", None)),
        trying.Trial("broken", lambda: ("", "it broke")),
        trying.Trial("gone", lambda: os._exit(7)),
        trying.Trial("raises", lambda: 1 / 0),
        trying.Trial("good too", lambda: ("read", None)),
    ]
    trying.try_all(trials, findings)
    assert (findings.trials, findings.tally["read"]) == (5, 2)
    assert [violation.trial for violation in findings.violations] == ["broken", "gone", "raises"]
    assert "status 7" in findings.violations[1].what


def test_an_operation_that_is_logged_can_be_disturbed(tmp_path: Path) -> None:
    """In a process of its own: what counts operations is loaded before Python starts."""
    script = """
import sys
from pathlib import Path
from benchmarks.reliability.children import Child
from benchmarks.reliability.disturbing import Action, Disturbance, operations, start_again
start_again()
below, log = Path(sys.argv[1]) / "out", Path(sys.argv[1]) / "log"
def write():
    with below.open("wb", buffering=0) as file:
        file.write(b"abcd")
assert Child(disturbance=Disturbance(below, log=log)).call(write).status == 0
print([name for name, _ in operations(log)])
for action in (Action.TORN, Action.IO_ERROR, Action.SHORT):
    done = Child(disturbance=Disturbance(below, 2, action)).call(write)
    print(action.name, done.status, below.read_bytes())
"""
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [sys.executable, str(path), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines() == [
        "['open', 'write']",
        "TORN -9 b'ab'",
        "IO_ERROR 99 b''",
        "SHORT 0 b'ab'",
    ], done.stderr


def test_pictures_are_tried(part: Any, tmp_path: Path) -> None:
    found = part("rows").all_rows()["R8"].run(12, 1, tmp_path)
    assert (found.trials, found.violations) == (12, [])


def test_a_few_trials_run_and_are_kept(tmp_path: Path) -> None:
    done = scorecard("--rows", "R9", "--scale", 0.008, "--results", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = results(tmp_path).values()
    assert (result["row"], result["trials"], result["violations"], result["seed"]) == ("R9", 12, 0, 1)


def test_a_row_that_has_a_result_is_not_run_again(part: Any, tmp_path: Path) -> None:
    card = part("scorecard").Scorecard(tmp_path)
    card.keep("R9", {"row": "R9", "violations": 0})
    card.run(tmp_path, ["R9"], scale=1.0, seed=1, again=False)
    assert card.results() == [{"row": "R9", "violations": 0}]


@pytest.mark.slow
def test_every_row_runs(tmp_path: Path) -> None:
    done = scorecard("--scale", 0.02, "--results", tmp_path)
    found = results(tmp_path)
    assert len(found) == 17, done.stdout + done.stderr
    assert all(result["trials"] for result in found.values())
    assert {name: result["shown"] for name, result in found.items() if result["violations"]} == {}


@pytest.mark.slow
def test_every_fault_is_noticed(tmp_path: Path) -> None:
    scorecard("--faults", "--results", tmp_path)
    assert [fault["fault"] for fault in results(tmp_path)["faults"]["faults"] if not fault["noticed"]] == []
