"""`python -m benchmarks.gpu`: every item is rehearsed on the CPU; one that fails costs no other a line."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from .compositions.small_data import write_small_data

ROOT = Path(__file__).parents[1]


def _module(name: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return importlib.import_module(f"benchmarks.{name}")


libmtl, page, program = _module("libmtl"), _module("gpu.page"), _module("gpu.__main__")
running, setting = _module("gpu.running"), _module("gpu.setting")
ITEMS, Plan, Setting = program.ITEMS, running.Plan, setting.Setting
Line = dict[str, Any]

REHEARSED = Setting(torch.device("cpu"), tiny=True)
LONG = {"digits", "seeds"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in ITEMS]
)
def test_an_item_is_rehearsed(name: str) -> None:
    lines = list(running.lines_of(name, ITEMS[name], REHEARSED))
    assert [line for line in lines if line.get("ok") is False] == []
    assert len(lines) > 1
    assert lines[-1]["what"] == "done"
    json.dumps(lines)


def test_all_items_together_take_no_longer_than_six_minutes() -> None:
    alone = sum(plan.seconds for plan in ITEMS.values() if plan.alone)
    beside = max(plan.seconds for plan in ITEMS.values() if not plan.alone)
    assert alone + beside <= 360


def test_what_fails_is_a_line_and_the_item_ends() -> None:
    def broken(setting: Any) -> Iterator[Line]:
        yield {"what": "first", "ok": True}
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    lines = list(running.lines_of("broken", Plan(broken, 1), REHEARSED))
    assert [line["what"] for line in lines] == ["first", "failed", "done"]
    assert "illegal memory access" in lines[1]["error"]


PRINTS = 'import os, sys, time; print(\'{"item": "x", "what": "first", "ok": true}\', flush=True); '


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("os._exit(3)", "ended with status 3"),
        ("os.kill(os.getpid(), 11)", "ended with status -11"),
        ("time.sleep(60)", "stopped after 1 s"),
    ],
)
def test_a_process_that_dies_or_hangs_keeps_what_it_found(then: str, told: str) -> None:
    lines = running.in_process([sys.executable, "-c", PRINTS + then], "x", 1.0)
    assert [line["what"] for line in lines] == ["first", told]
    assert lines[-1]["ok"] is False


def test_what_measures_comes_first_and_what_has_no_time_left_is_told() -> None:
    told: list[Line] = []
    plans = {
        "check": Plan(lambda setting: iter(()), 5),
        "measure": Plan(lambda setting: iter(()), 5, alone=True),
    }
    script = 'print(\'{{"item": "{0}", "what": "found"}}\')'
    lines = running.run_all(
        plans, lambda name: [sys.executable, "-c", script.format(name)], 20, 2, told.append
    )
    assert [line["item"] for line in lines] == ["measure", "check"]
    assert told == lines
    started = time.perf_counter()
    late = running.run_all(plans, lambda name: ["never"], 0.5, 2, told.append)
    assert time.perf_counter() - started < 1
    assert {line["what"] for line in late} == {"not begun: no time was left"}


def test_an_unknown_item_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["--only", "steps,speed", "--rehearse"])
    assert "no item 'speed'" in capsys.readouterr().err


def test_a_wrong_check_is_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(setting: Any) -> Iterator[Line]:
        yield {"what": "equal", "ok": False}

    monkeypatch.setitem(ITEMS, "equal", Plan(wrong, 1))
    assert program.main(["--rehearse", "--only", "equal"]) == 1
    assert program.main(["--rehearse", "--only", "versions"]) == 0


def test_the_page_is_what_the_kept_results_say() -> None:
    text = page.DOCUMENT.read_text()
    assert page.document(text, json.loads(program.RESULTS.read_text())) == text


def test_a_new_runs_lines_fill_the_tables_and_the_column() -> None:
    steps: dict[str, Any] = {"usual_over_mtl": 21.0, "bare_over_mtl": 0.93, "kernels_per_step": 90.5}
    lines = [
        {"item": "steps", "what": page.FIRST, "ms_per_step": {"mtl": 0.35, "usual": 7.35}, **steps},
        {"item": "seeds", "what": f"8 seeds against one, {page.FIRST}", "ratio": 1.7},
        {"item": "mnist", "what": "twenty epochs", "seconds": 9.0, "measured_epochs": 5},
        {"item": "mnist", "what": "done", "seconds": 30.0},
        {"item": "balancers", "what": "mgda", "ms_per_step": 2.5, "graphs": 1},
        {"item": "resume", "what": "resumed, sgd", "ok": False, "same_bytes": False, "largest": 1e-3},
    ]
    kept = {"card": "NVIDIA H100", "torch": "2.14", "date": "2026-12-01", "commit": "abc", "lines": lines}
    text = page.markdown(kept)
    assert "0 checks right, 1 wrong" in text
    assert "| `resume`: resumed, sgd | largest 1.0e-03 |" in text
    assert "| 0.350 | 7.350 | 21.0x | 0.93 | 90.5 |" in text
    assert "mgda 2.5." in text
    assert page.column(kept) == {
        "mtl against the usual loop (0 workers), LeNet batch 32": "21.0x",
        "mtl against the limit, in its best memory format": "0.93",
        "MNIST, 20 epochs, batch 32, training only": "9.0 s",
        "eight seeds together against one, LeNet": "1.70x",
    }


def test_libmtl_finds_what_torchvision_no_longer_has(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "torchvision.models.utils"
    monkeypatch.setattr(libmtl, "find_spec", lambda _: None)
    monkeypatch.delitem(sys.modules, name, raising=False)
    libmtl.stand_in()
    made = sys.modules.pop(name)
    assert isinstance(made, ModuleType)
    assert made.load_state_dict_from_url is torch.hub.load_state_dict_from_url


def test_recipes_made_for_few_seconds_are_judged_where_their_data_lie(tmp_path: Path) -> None:
    small = write_small_data(tmp_path)["mnist"]["data_dir"]
    told = Setting(torch.device("cpu"), tiny=True, data_dir=Path(small))
    mnist, cifar, done = running.lines_of("answers", program.WITH_DATA["answers"], told)
    assert mnist["what"] == "mnist-digit-parity-fast"
    assert mnist["seeds"] == 1
    assert "ok" not in mnist
    assert 0 < mnist["training_seconds"] <= mnist["first_training_seconds"] < done["seconds"]
    assert cifar["what"].startswith("skipped: cifar10-class-animal-fast: ")
    text = page._answer(mnist)
    assert text.startswith(f"digit {mnist['accuracy']['digit']:.2f} %, even ")


def test_items_that_need_data_are_offered_where_a_folder_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        program.main(["--only", "answers", "--rehearse"])
    assert "no item 'answers'" in capsys.readouterr().err
    assert program.main(["--only", "answers", "--rehearse", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("skipped: ") == 2
