"""The commands of docs/fine-tuning.md run in order, and its table of costs is what a dry run says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).parents[1] / "docs" / "fine-tuning.md").read_text()
QUICK = ("--set", "train.validation=0.9", "--device", "cpu")


@pytest.mark.slow
def test_the_commands_run_in_order(mtl: Callable[..., Any]) -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
    assert len(lines) >= 7
    for line in lines:
        words = shlex.split(line)[1:]
        result = mtl(*words, *(QUICK if words[0] == "compose" else QUICK[2:]))
        assert result.status == 0, (line, result.err)
        if words[0] == "extend" and "--finetune" not in words:
            assert "classify, parity: as in runs/two, bit for bit, in torch and in the file" in result.err


def test_the_table_of_costs_is_what_a_dry_run_says(mtl: Callable[..., Any]) -> None:
    (table,) = re.findall(r"<!-- costs -->\n(.*?)<!-- end -->", TEXT, re.DOTALL)
    (command,) = re.findall(r"That is `mtl (compose [^`]*--dry-run)`", TEXT)
    said = mtl(*shlex.split(command)).err.splitlines()
    for line in table.splitlines():
        assert line.strip() in [row.strip() for row in said]
