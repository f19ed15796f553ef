"""R17: plugins that break, while they are loaded, while they are built, and while they work."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from .children import Child, Done
from .jobs import SETTINGS
from .plugin_faults import ENCODERS, PLUGINS, plugin_of
from .row import Findings

_TRAIN = ("--dataset", "shapes-synthetic", "--tasks", "shape-count", "--epochs", "1")
_SMALL = [word for setting in SETTINGS[:3] for word in ("--set", setting)]
_ENCODER = ["--set", SETTINGS[3]]


class Plugins:
    """A plugin file for each fault: listed, shown, and trained with."""

    name = "R17"
    title = "plugins that fail while they are loaded, built or at work"
    promise = "named, with status 3 (or 2, 4), or harmless; never a status 0 without a model, within 60 s"
    count = 100

    def run(self, count: int, seed: int, work: Path) -> Findings:
        cases: list[tuple[str, str, list[object]]] = []
        here = work / "run"
        for name, source in PLUGINS.items():
            cases.append((f"{name}: list", source, ["list", "task", "--json"]))
            cases.append(
                (f"{name}: compose", source, ["compose", *_TRAIN, *_SMALL, *_ENCODER, "--out", here])
            )
        for name, body in ENCODERS.items():
            source = plugin_of(body)
            cases.append((f"{name}: list", source, ["list", "encoder"]))
            cases.append((f"{name}: show", source, ["show", "encoder", "bad"]))
            words = ["compose", *_TRAIN, *_SMALL, "--encoder", "bad", "--out", here]
            cases.append((f"{name}: compose", source, words))
        random.Random(seed).shuffle(cases)
        found = Findings()
        for index, (name, source, words) in enumerate(cases[:count]):
            plugin = work / f"plugin_{index}.py"
            plugin.write_text(source)
            shutil.rmtree(here, ignore_errors=True)
            done = Child(seconds=60).mtl("--plugin", plugin, *words)
            found.note(name, f"status {done.status}", broken=_judge(done, words, here))
        return found


def _judge(done: Done, words: list[object], here: Path) -> str | None:
    if fault := done.fault((0, 2, 3, 4, 130)):
        return fault
    if words[0] == "compose" and done.status == 0 and not (here / "model.onnx").exists():
        return "status 0, and no model"
    if done.status and "plugin_" not in done.output and "bad" not in done.output:
        return f"neither plugin nor component is named: {done.last_words}"
    return None


ROW = Plugins()
