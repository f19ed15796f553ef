"""A stranger's plugin adds a form of answer, and nothing else has to know it.

One file without torch for the form and the records, one with the head, loss, metric and task that use it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mtl
from mtl.core.discovery.registry import discover
from mtl.exports.web.runtime import FILES

FORM = '''
from dataclasses import dataclass
from mtl.contracts import Component, Form, Values, hookimpl

@dataclass(frozen=True)
class Shares(Form):
    """Shares of a whole, by name."""
    names: tuple[str, ...]
    form, head, loss, metrics = "shares", "shares-head", "shares-loss", ("shares-distance",)
    activation = "softmax"
    output_shape = property(lambda self: (len(self.names),))
    drawing = property(lambda self: Values(self.names))
    specimens = classmethod(lambda cls, image: (cls(("dark", "grey", "bright")),))

@hookimpl
def mtl_components():
    yield Component("form", "shares", "Shares of a whole", "mtl_shares:Shares")
    yield Component("head", "shares-head", "One layer", "mtl_shares_parts:SharesHead")
    yield Component("loss", "shares-loss", "Cross-entropy", "mtl_shares_parts:SharesLoss")
    yield Component("metric", "shares-distance", "Mean distance", "mtl_shares_parts:Distance")
    yield Component("task", "shades", "Shares of shades", "mtl_shares_parts:Shades")
'''

PARTS = """
import torch
from mtl.contracts import Head, Loss, Metric, Task
from mtl_shares import Shares

class SharesHead(Head):
    def __init__(self, spec):
        super().__init__()
        self.layer = torch.nn.Linear(spec.stages[-1].size, len(spec.target.names))
    @classmethod
    def accepts(cls, spec): return None if isinstance(spec.target, Shares) else "answers shares"
    def forward(self, features): return self.layer(features.stages[-1].flatten(1))

class SharesLoss(Loss):
    @classmethod
    def accepts(cls, target): return None if isinstance(target, Shares) else "judges shares"
    def forward(self, raw, target): return -(target * raw.log_softmax(1)).sum(1)

class Distance(Metric):
    direction, bounds, total, count = "lower", (0.0, 1.0), 0.0, 0
    accepts = SharesLoss.accepts
    def update(self, prediction, target):
        self.total, self.count = self.total + (prediction - target).abs().sum() / 2, self.count + len(target)
    def compute(self): return self.total / self.count
    def reset(self): self.total, self.count = 0.0, 0

class Shades(Task):
    target_spec = Shares(("dark", "grey", "bright"))
    def target(self, batch):
        pixels = batch.image.flatten(1)
        dark, bright = (pixels < 0.3).float().mean(1), (pixels > 0.6).float().mean(1)
        return torch.stack([dark, 1 - dark - bright, bright], dim=1)
"""

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from mtl.core.cli.main import run
sys.exit(run(sys.argv[1:]))
"""

Install = Callable[..., str]


@pytest.fixture
def shares(install_plugin: Install, tmp_path: Path) -> None:
    install_plugin("mtl-shares", FORM)
    (tmp_path / "site-mtl-shares" / "mtl_shares_parts.py").write_text(PARTS)


def predict(*arguments: str, plugin: Path | None) -> subprocess.CompletedProcess[str]:
    """Run `mtl predict` in a process that has no torch, with the plugin where its folder is given."""
    import os

    path = os.pathsep.join([*([str(plugin)] if plugin else []), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", WITHOUT_TORCH, "predict", *arguments]
    env = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_the_plugin_has_at_most_sixty_lines() -> None:
    assert sum(1 for line in (FORM + PARTS).splitlines() if line.strip()) <= 60


@pytest.mark.usefixtures("shares")
def test_a_new_form_trains_exports_and_is_shown_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "run"
    run = mtl.compose(
        ["shades"],
        dataset={"name": "shapes-synthetic", "train_size": 40, "test_size": 20},
        encoder={"name": "mlp", "hidden": [8]},
        epochs=1,
        out=path,
        device="cpu",
        registry=discover(),
    )
    assert isinstance(run, mtl.Run)
    assert 0 <= run.metrics["test"]["shades"]["shares-distance"] <= 1
    assert run.metrics["baseline_answer"] == {"shades": "the training mean"}
    report = (path / "report.html").read_text()
    first = report[report.index('id="samples"') : report.index('id="training"')]
    assert ">shades</span>" in first
    assert "grey" in first
    _check_bundle(run, tmp_path / "bundle")
    _check_page(run, tmp_path)
    _check_predictions(path, tmp_path)


def _check_bundle(run: mtl.Run, path: Path) -> None:
    run.export(path, exporter="bundle")
    description = json.loads((path / "mtl.json").read_text())["model"]
    assert description["forms"] == {"shares": "mtl-shares"}
    assert (path / "labels" / "shades.txt").read_text() == "dark\ngrey\nbright\n"
    assert "for label, value in zip(names, answers" in (path / "README.md").read_text()


def _check_page(run: mtl.Run, tmp_path: Path) -> None:
    runtime = tmp_path / "dist"
    runtime.mkdir()
    for name in FILES:
        (runtime / name).write_bytes(b"")
    run.export(tmp_path / "web", exporter="web", runtime=str(runtime))
    page = json.loads((tmp_path / "web" / "page.json").read_text())
    assert page["drawings"]["shades"] == {
        "kind": "values",
        "labels": ["dark", "grey", "bright"],
        "units": "",
    }


def _check_predictions(path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.fromarray(np.zeros((28, 28), dtype=np.uint8)).save(picture)
    done = predict(str(path), str(picture), "--json", plugin=tmp_path / "site-mtl-shares")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)["predictions"][0]["answers"]["shades"]
    assert list(answer["values"]) == ["dark", "grey", "bright"]
    assert sum(answer["values"].values()) == pytest.approx(1.0, abs=1e-5)
    missing = predict(str(path), str(picture), plugin=None)
    assert missing.returncode == 5
    assert "form 'shares' of the plugin mtl-shares, which is not in use here" in missing.stderr


@pytest.mark.usefixtures("shares")
def test_a_new_form_keeps_its_promises() -> None:
    from mtl.testing import run_checks

    results = run_checks(["mtl-shares"], kind="form")
    assert [(result.check, result.reason) for result in results if result.status == "failed"] == []
    assert any(result.check == "right-answers-are-targets" for result in results)
