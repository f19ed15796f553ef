"""Walks a recipe through the command line as a person would, and says how that ended."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from mtl.core.cli.main import run
from mtl.core.training.checkpoint import CheckpointFolder

REFUSED = (2, 3)
GATE = 4


@dataclass(frozen=True)
class Outcome:
    """How a walk ended: it `works`, was `refused` before training or `gated`, or there is a `fault`.

    Gated is a rounded file that loses too much. `said` is what the last command wrote on stderr.
    """

    kind: str
    said: str

    @property
    def reason(self) -> str:
        """The refusal without the names in it: refusals of one kind read the same."""
        first = next((line for line in self.said.splitlines() if line.startswith("error:")), "")
        return re.sub(r"'[^']*'|\d+", "#", first)


def walk(tree: dict[str, Any], folder: Path, *, then: Sequence[str] = (), interrupt: bool = False) -> Outcome:
    """Compose a recipe in an empty folder and give the run to the commands `then`; all is removed again.

    With `interrupt` a second training of the recipe is stopped after its first epoch and resumed: it must end
    with the bytes of the first.
    """
    folder.mkdir(parents=True)
    try:
        return _walk(tree, folder, then, interrupt)
    finally:
        shutil.rmtree(folder)


def _walk(tree: dict[str, Any], folder: Path, then: Sequence[str], interrupt: bool) -> Outcome:
    recipe, whole = folder / "recipe.yaml", folder / "run"
    # JSON is YAML.
    recipe.write_text(json.dumps(tree))
    status, said = command("compose", "--recipe", str(recipe), "--out", str(whole))
    if status in REFUSED and "internal" not in said:
        if whole.exists():
            return Outcome("fault", f"refused after the run had begun\n{said}")
        return Outcome("refused", said)
    # Hardly trained, and calibrated on a sample or a few: rounding may cost more than is allowed.
    if status == GATE and ("loses" in said or "root mean square" in said) and _rounds(tree.get("export", {})):
        return Outcome("gated", said)
    if status != 0:
        return Outcome("fault", f"compose ended with {status}\n{said}")
    for name in then:
        status, said = command(name, str(whole))
        if status != 0:
            return Outcome("fault", f"{name} ended with {status}\n{said}")
    if interrupt and (fault := _resumed_otherwise(recipe, whole, folder / "again")):
        return Outcome("fault", fault)
    return Outcome("works", said)


def _rounds(export: dict[str, Any]) -> bool:
    return export.get("precision", "float32") != "float32" or "variants" in export


def _resumed_otherwise(recipe: Path, whole: Path, again: Path) -> str:
    """Return what a training that was stopped and resumed did otherwise, empty: nothing."""
    with stopping_after_an_epoch():
        status, said = command("compose", "--recipe", str(recipe), "--out", str(again))
    if status != 130:
        return f"an interrupted compose ended with {status}\n{said}"
    status, said = command("resume", str(again))
    if status != 0:
        return f"resume ended with {status}\n{said}"
    sums = [json.loads((run / "checkpoint" / "manifest.json").read_text()) for run in (whole, again)]
    one, other = (entry["best"]["sha256"] for entry in sums)
    return "" if one == other else "resume ended with other weights"


@contextlib.contextmanager
def stopping_after_an_epoch() -> Iterator[None]:
    """Stop a training as Ctrl-C does, once its first epoch is kept."""
    save: Callable[..., None] = CheckpointFolder.save

    def save_and_stop(*arguments: Any, **named: Any) -> None:
        save(*arguments, **named)
        raise KeyboardInterrupt

    with mock.patch.object(CheckpointFolder, "save", save_and_stop):
        yield


def command(*arguments: str) -> tuple[int, str]:
    """Run `mtl` with arguments; return its status and what it wrote on stderr."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = run(list(arguments))
    return status, said.getvalue()


def repeat_line(seed: int) -> str:
    """Return how to draw and walk one composition again."""
    return f"MTL_COMPOSITION={seed} python -m pytest tests/compositions/test_random_compositions.py -k chosen"
