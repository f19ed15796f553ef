"""The command line survives every bad plugin, and all at once; messages name distribution and next step.

The expected text is `golden_plugins/all.txt`; rewrite it with `MTL_GOLDEN=write`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Install = Callable[..., str]
GOLDEN = Path(__file__).parent / "golden_plugins" / "all.txt"

RECORD = (
    "from mtl import Component, hookimpl\n@hookimpl\ndef mtl_components():\n    yield Component({record})\n"
)

BAD = {
    "raises-plugin": "raise RuntimeError('no luck')",
    "misspelled-plugin": "from mtl import hookimpl\n@hookimpl\ndef mtl_componets():\n    return ()\n",
    "record-plugin": "from mtl import hookimpl\n@hookimpl\ndef mtl_components():\n    return ['linear']\n",
    "missing-plugin": "import a_package_that_is_not_installed\n",
    "exits-plugin": "import sys\nsys.exit(3)\n",
    "older-plugin": "mtl_api = 0\n",
    "newer-plugin": "mtl_api = 99\n",
    "prints-plugin": "print('hello from a plugin')\n",
    "target-plugin": RECORD.format(record="'head', 'ghost', 'Does not exist', 'target_plugin:Ghost'"),
    "claims-plugin": RECORD.format(record="'head', 'linear', 'Mine', 'claims_plugin:Linear'"),
    "rival-plugin": RECORD.format(record="'head', 'ghost', 'Mine too', 'rival_plugin:Ghost'"),
}


@pytest.fixture
def bad_plugins(install_plugin: Install) -> None:
    for name, source in BAD.items():
        install_plugin(name, source)


def test_all_bad_plugins_at_once_stop_nothing(bad_plugins: None, mtl: Command, tmp_path: Path) -> None:
    result = mtl("list", "balancer")
    assert result.status == 0
    assert "weighted" in result.out
    assert "hello" not in result.out
    shown = re.sub(r" in plugin <module .*>", "", result.err.replace(str(tmp_path), "TMP"))
    if os.environ.get("MTL_GOLDEN") == "write":
        GOLDEN.write_text(shown)
    assert shown == GOLDEN.read_text()


def test_the_status_of_each_is_told(bad_plugins: None, mtl: Command) -> None:
    told = {row["name"]: row["status"] for row in json.loads(mtl("plugins", "--json").out)}
    assert {told[name] for name in ("raises-plugin", "misspelled-plugin", "record-plugin")} == {"broken"}
    assert {told["missing-plugin"], told["exits-plugin"]} == {"broken"}
    assert {told["older-plugin"], told["newer-plugin"]} == {"incompatible"}
    assert {told["prints-plugin"], told["target-plugin"], told["claims-plugin"], told["plugins"]} == {"ok"}


def test_a_broken_plugins_traceback_is_shown(bad_plugins: None, mtl: Command) -> None:
    result = mtl("plugins", "show", "raises-plugin")
    assert result.status == 0
    assert "RuntimeError: no luck" in result.out
    assert "Traceback" in result.out


def test_an_unknown_plugin_is_refused(mtl: Command) -> None:
    result = mtl("plugins", "show", "plugin")
    assert result.status == 2
    assert "did you mean 'plugins'?" in result.err


def test_a_target_that_does_not_exist_has_status_3(install_plugin: Install, mtl: Command) -> None:
    install_plugin("target-plugin", BAD["target-plugin"])
    result = mtl("show", "head", "ghost")
    assert result.status == 3
    assert "head 'ghost' of target-plugin 1.0 cannot be loaded from 'target_plugin:Ghost'" in result.err


def test_a_built_ins_name_claimed_by_another_is_ambiguous(install_plugin: Install, mtl: Command) -> None:
    install_plugin("claims-plugin", BAD["claims-plugin"])
    result = mtl("show", "head", "linear")
    assert result.status == 2
    assert "head 'linear' is claimed by mtl-composer" in result.err
    assert "write mtl-composer/linear or claims-plugin/linear" in result.err
    assert mtl("show", "head", "mtl-composer/linear").status == 0
    # What a recipe does not say is still the built-in.
    assert mtl("compose", "--tasks", "classify", "--dry-run").status == 0


def test_a_slow_plugin_is_named_with_its_time(install_plugin: Install, mtl: Command) -> None:
    install_plugin("slow-plugin", "import time\ntime.sleep(1.2)\n")
    assert re.search(
        r"plugin 'slow-plugin' of slow-plugin 1.0 took 1\.\d s to import", mtl("list", "task").err
    )


@pytest.mark.parametrize(
    ("variable", "value", "status"),
    [
        ("MTL_DISABLE_PLUGINS", "other, good-plugin", "disabled"),
        ("MTL_DISABLE_PLUGINS", "other", "ok"),
        ("MTL_PLUGINS", "good-plugin", "ok"),
        ("MTL_PLUGINS", "", "disabled"),
    ],
)
def test_plugins_are_switched_off_by_the_environment(
    variable: str,
    value: str,
    status: str,
    install_plugin: Install,
    mtl: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_plugin("good-plugin", "")
    monkeypatch.setenv(variable, value)
    told = {row["name"]: row["status"] for row in json.loads(mtl("plugins", "--json").out)}
    assert told["good-plugin"] == status
    assert told["plugins"] == "ok"


def test_a_plugin_that_is_switched_off_is_named_when_its_component_is_missed(
    install_plugin: Install, mtl: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("good-plugin", "")
    monkeypatch.setenv("MTL_DISABLE_PLUGINS", "good-plugin")
    result = mtl("show", "head", "wonder")
    assert result.status == 2
    assert "plugin 'good-plugin' of good-plugin 1.0 is disabled" in result.err


def test_help_names_no_more_than_it_must(bad_plugins: None) -> None:
    code = "import sys; from mtl.core.cli.main import run; run(['--help']); print('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if "site-" in path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
    assert "compose" in done.stdout
