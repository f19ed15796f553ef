"""`mtl plugin check`: a table, JSON, and an exit status that says whether a promise is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Command = Callable[..., Any]

METRICS = """
import torch
from mtl import Component, hookimpl
from mtl.core.contracts import Metric

@hookimpl
def mtl_components():
    yield Component("metric", "constant", "Always one half", "odd_plugin:Constant")
    yield Component("metric", "shapeless", "A vector", "odd_plugin:Shapeless")

class Constant(Metric):
    bounds = (0.0, 1.0)
    def update(self, prediction, target): pass
    def compute(self): return torch.tensor(0.5)
    def reset(self): pass

class Shapeless(Constant):
    def compute(self): return torch.zeros(3)
"""


def test_without_other_plugins_there_is_nothing_to_check(mtl: Command) -> None:
    result = mtl("plugin", "check")
    assert (result.status, result.out) == (0, "")
    assert "no plugins but the built-in ones are installed" in result.err


def test_a_broken_promise_has_status_3_and_is_told_in_full(
    mtl: Command, install_plugin: Callable[..., str]
) -> None:
    install_plugin("odd-plugin", METRICS)
    result = mtl("plugin", "check", "odd-plugin", "--kind", "metric")
    assert result.status == 3
    assert result.err.endswith(
        "error: 1 of 16 checks failed\n"
        "  hint: mend the component, or say in a test why it must fail: mtl.testing\n"
    )
    assert (
        "metric shapeless: value-lies-in-its-range: failed: expected a scalar; got shape [3]\n"
        "  what to do: set `scalar` to what `compute` returns\n"
    ) in result.out
    assert result.out.endswith("15 ok, 1 failed, 0 skipped\n")


def test_a_good_component_has_status_0(mtl: Command, install_plugin: Callable[..., str]) -> None:
    install_plugin("odd-plugin", METRICS)
    result = mtl("plugin", "check", "--kind", "metric", "--name", "constant")
    assert result.status == 0
    assert result.out.splitlines()[0].split() == ["component", "check", "result", "seconds"]
    assert result.out.endswith("8 ok, 0 failed, 0 skipped\n")


def test_json_has_a_row_per_component_and_check(mtl: Command, install_plugin: Callable[..., str]) -> None:
    install_plugin("odd-plugin", METRICS)
    result = mtl("plugin", "check", "odd-plugin", "--json")
    assert result.status == 3
    rows = json.loads(result.out)
    assert {row["kind"] for row in rows} == {"plugin", "metric"}
    (light,) = (row for row in rows if row["check"] == "import-is-light")
    assert light["status"] == "failed"
    assert light["distribution"] == "odd-plugin"
    assert "torch in sys.modules" in light["reason"]


def test_a_name_that_is_not_there_is_refused(mtl: Command, install_plugin: Callable[..., str]) -> None:
    install_plugin("odd-plugin", METRICS)
    result = mtl("plugin", "check", "odd-plugin", "--kind", "metric", "--name", "nothing")
    assert result.status == 2
    assert "odd-plugin has no metric 'nothing'" in result.err


def test_an_unknown_target_is_refused_with_the_nearest(mtl: Command) -> None:
    result = mtl("plugin", "check", "mtl-compser")
    assert result.status == 2
    assert "did you mean 'mtl-composer'?" in result.err
