"""Bad input to `mtl compare`, `mtl affinity` and `mtl search` gets its message and status, nothing trained.

The expected texts are the files in `golden_compare/`; after a deliberate change run with `MTL_GOLDEN=write`
and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden_compare"

PLUGIN = """
from mtl import Component, hookimpl
from mtl.contracts import Balancer, Metric, MissingRequirementError

@hookimpl
def mtl_components():
    yield Component("balancer", "gradient-wise", "Needs gradients", __name__ + ":GradientWise")
    yield Component("balancer", "solving", "Needs a package", __name__ + ":Solving")
    yield Component("metric", "share-of-yes", "Neither high nor low is good", __name__ + ":ShareOfYes")

class GradientWise(Balancer):
    needs_gradients = True

class Solving(Balancer):
    def __init__(self, tasks):
        raise MissingRequirementError(
            "balancer 'solving' needs the package quicksolve", hint="pip install 'mtl-composer[solvers]'"
        )

class ShareOfYes(Metric):
    def reset(self):
        self.yes = self.seen = 0

    def update(self, prediction, target):
        self.yes, self.seen = self.yes + prediction.sum(), self.seen + len(prediction)

    def compute(self):
        return self.yes / self.seen
"""

PLAN = {"format": 1, "judged_by": {"even": "accuracy", "third": "f1"}, "axes": [], "recipe": {}}
GROUPS = {
    "format": 1,
    "asks": "which tasks together",
    "judged_by": {"even": "accuracy", "third": "f1"},
    "axes": [],
    "recipe": {"mtl": 1, "dataset": {"name": "mnist"}},
}
FOUND: dict[str, Any] = {
    "format": 2,
    "plan": {"recipe": {}, "space": {"train.momentum": "0..0.9"}},
    "seconds": 1.5,
    "trials": [],
}
FILES = {
    "more.py": PLUGIN,
    "damaged/plan.json": '{"format": 1, "judg',
    "strange/plan.json": "[]",
    "newer/plan.json": '{"format": 99}',
    "other/plan.json": json.dumps(PLAN),
    "groups/plan.json": json.dumps(GROUPS),
    "run/recipe.yaml": "tasks: [classify]\n",
    "half/search.json": '{"format": 1, "pl',
    "newest/search.json": json.dumps(FOUND | {"format": 99}),
    "found/search.json": json.dumps(FOUND),
}

COMPARE = ["compare", "--tasks", "even,third", "--encoder", "mlp"]
MORE = ["--plugin", "more.py", *COMPARE]
AFFINITY = ["affinity", "--encoder", "mlp", "--tasks"]
NINE = "even,third,classify,parity,denoise,rotation,random-sum,autoencode,multiple-of"
SEARCH = ["search", "--tasks", "even,third", "--encoder", "mlp", "--trials", "2"]
RATE = ["--space", "train.learning_rate=log:1e-4..1e-2"]
METRICS = "tasks.even.metrics=[share-of-yes,accuracy]"
CASES: dict[str, tuple[int, list[str]]] = {
    "unknown-names": (2, [*COMPARE, "--sharing", "nne,hard,cros-stitch", "--balancer", "sum,weigthed"]),
    "no-tasks": (2, ["compare", "--sharing", "none,hard"]),
    "one-task": (2, ["compare", "--tasks", "even"]),
    "same-value-twice": (2, [*COMPARE, "--sharing", "hard,none,hard"]),
    "empty-value": (2, [*COMPARE, "--sharing", "hard,,none"]),
    "empty-axis": (2, [*COMPARE, "--set", "train.epochs=1,,2"]),
    "mistyped-axis": (2, [*COMPARE, "--set", "train.epochs=1,x"]),
    "axis-twice": (2, [*COMPARE, "--set", "train.epochs=1,2", "--set", "train.epochs=3,4"]),
    "component-by-set": (2, [*COMPARE, "--set", "sharing=hard,none"]),
    "misspelled-axis": (2, [*COMPARE, "--set", "encoder.hiden=[3],[4]"]),
    "seed-twice": (2, [*COMPARE, "--seeds", "0,3,0"]),
    "no-seeds": (2, [*COMPARE, "--seeds", "0"]),
    "seeds-in-words": (2, [*COMPARE, "--seeds", "five"]),
    "seed-by-set": (2, [*COMPARE, "--set", "seed=1,2"]),
    "gradients-of-nothing": (2, [*MORE, "--sharing", "none", "--balancer", "gradient-wise"]),
    "missing-solver": (5, [*MORE, "--balancer", "solving"]),
    "metric-without-direction": (2, [*MORE, "--set", METRICS, "--metric", "even=share-of-yes"]),
    "no-metric-with-direction": (2, [*MORE, "--set", "tasks.even.metrics=[share-of-yes]"]),
    "metric-is-a-table": (2, [*COMPARE, "--metric", "even=confusion-matrix"]),
    "unknown-metric": (2, [*COMPARE, "--metric", "even=acuracy"]),
    "metric-of-unknown-task": (2, [*COMPARE, "--metric", "evn=accuracy"]),
    "metric-is-no-pair": (2, [*COMPARE, "--metric", "accuracy"]),
    "margin-is-no-pair": (2, [*COMPARE, "--equal-within", "0.2"]),
    "margin-is-no-number": (2, [*COMPARE, "--equal-within", "even=little"]),
    "margin-of-unknown-task": (2, [*COMPARE, "--equal-within", "evn=0.2"]),
    "margin-too-wide": (2, [*COMPARE, "--equal-within", "even=100"]),
    "no-comparison-folder": (2, [*COMPARE, "--out", "run"]),
    "no-comparison-folder-by-force": (2, [*COMPARE, "--out", "run", "--force"]),
    "damaged-plan": (2, [*COMPARE, "--out", "damaged"]),
    "strange-plan": (2, [*COMPARE, "--out", "strange"]),
    "newer-plan": (2, [*COMPARE, "--out", "newer"]),
    "another-comparison": (2, [*COMPARE, "--out", "other"]),
    "unknown-device": (2, [*COMPARE, "--device", "gpu"]),
    "search-before-a-comparison-of-an-axis": (
        2,
        [*COMPARE, "--set", "train.momentum=0.1,0.2", "--search", "train.momentum=0..0.9"],
    ),
    "search-before-a-comparison-of-no-option": (2, [*COMPARE, "--search", "train.momentun=0..0.9"]),
    "search-before-a-comparison-of-the-budget": (2, [*COMPARE, "--search", "train.epochs=1..9"]),
    "trials-of-nothing": (2, [*COMPARE, "--trials", "9"]),
    "unknown-executor": (2, [*COMPARE, "--sharing", "hard", "--executor", "slurn"]),
    "executor-option": (
        2,
        [*COMPARE, "--sharing", "hard", "--executor", "{name: slurm, minuts: 5, cluster: here}"],
    ),
    "executor-without-a-name": (2, [*COMPARE, "--sharing", "hard", "--executor", "{minutes: 5}"]),
    "executor-without-its-cluster": (
        5,
        [*COMPARE, "--sharing", "hard", "--executor", "{name: ray, address: '127.0.0.1:1'}"],
    ),
    "executor-in-another-comparison": (2, [*COMPARE, "--executor", "local", "--out", "other"]),
    "executor-with-a-device-that-is-not-there": (
        2,
        [*COMPARE, "--sharing", "hard", "--executor", "{name: local, devices: [gpu]}"],
    ),
    "group-of-one-task": (2, [*AFFINITY, "even"]),
    "groups-of-nine-tasks": (2, [*AFFINITY, NINE]),
    "group-with-a-task-without-labels": (2, [*AFFINITY, "even,segment"]),
    "groups-that-no-budget-allows": (2, [*AFFINITY, "even,third", "--parameters", "52k"]),
    "groups-for-too-few-multiply-adds": (2, [*AFFINITY, "even,third", "--multiply-adds", "0.5x"]),
    "budget-is-no-amount": (2, [*AFFINITY, "even,third", "--parameters", "few"]),
    "groups-that-share-nothing": (2, [*AFFINITY, "even,third", "--sharing", "none"]),
    "group-with-a-weight-of-nothing": (2, [*AFFINITY, "even,third", "--set", "tasks.third.weight=0"]),
    "affinity-of-another-recipe": (2, [*AFFINITY, "even,third", "--epochs", "2", "--out", "groups"]),
    "search-without-a-space": (2, SEARCH),
    "search-of-no-option": (
        2,
        [*SEARCH, *RATE, "--space", "encoder.hiden=[3],[4]", "--space", "tasks.evn.weight=0..1"],
    ),
    "search-beyond-what-is-allowed": (2, [*SEARCH, "--space", "train.batch_size=0..64"]),
    "search-where-nothing-can-be-built": (2, [*SEARCH, "--space", "train.warm_up=0..50"]),
    "search-with-the-logarithm-of-zero": (2, [*SEARCH, "--space", "train.learning_rate=log:0..1e-2"]),
    "search-from-high-to-low": (2, [*SEARCH, "--space", "train.learning_rate=1..0.1"]),
    "search-without-an-end": (2, [*SEARCH, "--space", "train.learning_rate=0.1..inf"]),
    "search-of-no-range": (2, [*SEARCH, "--space", "train.learning_rate=log:small"]),
    "search-of-a-range-and-more": (2, [*SEARCH, "--space", "train.learning_rate=log:1e-4..3e-2,5"]),
    "search-of-one-value": (2, [*SEARCH, "--space", "encoder.hidden=[3]"]),
    "search-of-a-value-twice": (2, [*SEARCH, "--space", "encoder.hidden=[3],[4],[3]"]),
    "search-of-an-option-twice": (2, [*SEARCH, *RATE, *RATE]),
    "search-for-a-seed": (2, [*SEARCH, "--space", "seed=1,2,3"]),
    "search-of-an-unknown-component": (2, [*SEARCH, "--space", "sharing=hard,cros-stitch"]),
    "search-for-no-objective": (2, [*SEARCH, *RATE, "--objective", "parametres"]),
    "search-for-a-cost-alone": (2, [*SEARCH, *RATE, "--objective", "parameters"]),
    "search-for-no-time": (2, [*SEARCH, *RATE, "--budget", "soon"]),
    "search-in-a-comparison": (2, [*SEARCH, *RATE, "--out", "other"]),
    "search-half-written": (2, [*SEARCH, *RATE, "--out", "half"]),
    "search-of-a-newer-version": (2, [*SEARCH, *RATE, "--out", "newest"]),
    "search-of-another-space": (2, [*SEARCH, *RATE, "--out", "found"]),
    "affinity-in-a-comparison": (2, [*AFFINITY, "even,third", "--out", "other"]),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_gets_its_message(name: str, mtl: Callable[..., Any], tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    before = contents(tmp_path)
    status, arguments = CASES[name]
    result = mtl(*arguments)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("MTL_GOLDEN") == "write":
        golden.write_text(result.err)
    assert result.err == golden.read_text()
    assert result.status == status
    assert result.out == ""
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_golden_file_belongs_to_a_case() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_message_is_an_error_line_with_a_hint(name: str) -> None:
    lines = (GOLDEN / f"{name}.txt").read_text().splitlines()
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    assert any(line.startswith("  hint: ") for line in lines)
