"""Files that are read back are refused by name and place when they do not have their declared form."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtl.core.base.errors import UsageError
from mtl.core.folders.json_files import Environment, Form, Mark, Metrics, Seeds, read_form
from mtl.core.folders.run_folder import RunFolder
from mtl.core.running.seeds import choose_seed, seeds_of

MEASURED: dict[str, Any] = {
    "test": {"parity": {"loss": 0.5, "accuracy": 0.9}},
    "validation": {"parity": {"loss": 0.4, "accuracy": 0.95}},
    "baseline": {"parity": {"accuracy": 0.5}},
    "training": {"epochs": 1, "chosen_epoch": 1, "seconds": 0.1},
}


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """The folder of two seeds; the second has the lower validation loss."""
    (tmp_path / "seeds.json").write_text(json.dumps({"seeds": [0, 1]}))
    (tmp_path / "metrics.json").write_text("{}")
    for seed in (0, 1):
        metrics = copy.deepcopy(MEASURED)
        metrics["validation"]["parity"]["loss"] -= 0.1 * seed
        (tmp_path / f"seed-{seed}" / "checkpoint").mkdir(parents=True)
        RunFolder(tmp_path / f"seed-{seed}").write_metrics(metrics)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"seeds": 5}, "is damaged: seeds: "),
        ({"sexds": [0, 1]}, "is damaged: seeds: Field required"),
        ([0, 1], "is damaged: it holds no table"),
        ({"seeds": []}, "is damaged: seeds: "),
        ({"seeds": ["../../x"]}, r"is damaged: seeds\.0: "),
        ({"seeds": [0, -1]}, r"is damaged: seeds\.1: "),
        ({"seeds": [0, True]}, r"is damaged: seeds\.1: "),
        ({"seeds": [0, 0]}, "is damaged: seeds: a seed is there twice"),
        ({"seeds": [0]}, "does not name seed 1, and .*seed-1 is there"),
        ({"seeds": [0, 11]}, "does not name seed 1, and .*seed-1 is there"),
    ],
)
def test_another_list_of_seeds_is_refused(content: Any, told: str, many: Path) -> None:
    (many / "seeds.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=rf"seeds\.json {told}"):
        seeds_of(many)


def test_the_best_seed_is_found_from_what_the_seeds_measured(many: Path) -> None:
    for summary in ("{}", "[]", '{"best": "x"}', '{"best": {"seed": 0}}'):
        (many / "metrics.json").write_text(summary)
        assert choose_seed(many, "best") == many / "seed-1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "is damaged: it holds no table"),
        ({}, "is damaged: test: Field required"),
        (MEASURED | {"test": None}, "is damaged: test: "),
        (MEASURED | {"test": {"parity": 3}}, r"is damaged: test\.parity: "),
        (MEASURED | {"test": {"parity": {"loss": "0.5"}}}, r"is damaged: test\.parity\.loss: "),
        (MEASURED | {"validation": {}}, "is damaged: task 'parity' has no validation loss"),
        (MEASURED | {"training": {}}, r"is damaged: training\.epochs: Field required"),
        (MEASURED | {"training": 3}, "is damaged: training: Input should be a table"),
        (MEASURED, "is not what the run measured: its sum differs"),
    ],
)
def test_another_content_of_a_seeds_metrics_is_refused(content: Any, told: str, many: Path) -> None:
    (many / "seed-1" / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=rf"seed-1.metrics\.json {told}"):
        choose_seed(many, "best")


def test_seeds_of_other_tasks_are_not_summed_up(many: Path) -> None:
    other = {part: {"even": values["parity"]} for part, values in MEASURED.items() if part != "training"}
    RunFolder(many / "seed-1").write_metrics({**MEASURED, **other})
    with pytest.raises(UsageError, match=r"seed-1.metrics\.json has other tasks or metrics than seed 0"):
        choose_seed(many, "best")


def test_metrics_of_an_earlier_version_have_no_sum(many: Path) -> None:
    (many / "seed-0" / "checkpoint" / "manifest.json").write_text('{"checkpoints": [], "best": null}')
    assert RunFolder(many / "seed-0").read_metrics() == MEASURED


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["seeds", "key", "origin", "test", "best"]), inner, max_size=3),
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON, form=st.sampled_from([Environment, Mark, Metrics, Seeds]))
def test_any_content_is_read_or_refused_by_name(value: Any, form: type[Form], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(value))
    with contextlib.suppress(UsageError):
        read_form(form, tmp_path / "x.json", "a file", hint="")
        return
    with pytest.raises(UsageError) as caught:
        read_form(form, tmp_path / "x.json", "a file", hint="")
    assert "x.json" in caught.value.message
    assert "\n" not in caught.value.message
