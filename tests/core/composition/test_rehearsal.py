"""Components answer two samples in the form that they state before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import ComponentError
from mtl.core.composition import composer
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline

HEAD = """
from mtl import Component, hookimpl
import torch
from torch import nn
from mtl.core.contracts import Encoder, Head, Loss, Metric, Sharing, Task
from mtl.core.contracts.specs import FeatureSpec
from mtl.plugins.forms import Categorical

@hookimpl
def mtl_components():
    return [Component("{one}", "bad", "Breaks its promise", f"{{__name__}}:Bad")]

"""
ENCODER = """
class Bad(Encoder):
    def __init__(self, image, inputs):
        super().__init__()
        self.stages = nn.Sequential()
        self.stages.add_module("flat", nn.Flatten())
        self.stages.add_module("dense", LAYER)
        self.feature_specs = (FeatureSpec(784), FeatureSpec(STATED))
    def forward_stage(self, index, features, inputs):
        answer = super().forward_stage(index, features, inputs)
        return ANSWER if index else answer
"""
LIES = {
    "none": ("encoder", ENCODER, {"ANSWER": "None"}, "stage 'dense' answered None, stated [8]"),
    "shape": ("encoder", ENCODER, {"ANSWER": "answer[:, :5]"}, "stage 'dense' answered [5], stated [8]"),
    "spec": ("encoder", ENCODER, {"STATED": "5"}, "stage 'dense' answered [8], stated [5]"),
    "rows": (
        "encoder",
        ENCODER,
        {"ANSWER": "answer[:1]"},
        "stage 'dense' answered [1, 8] for 2 samples, stated [2, 8]",
    ),
    "no-stages": (
        "encoder",
        "class Bad(Encoder):\n    def __init__(self, image, inputs): super().__init__()",
        {},
        "sets no `stages`",
    ),
    "head": (
        "head",
        (
            "class Bad(Head):\n    def __init__(self, spec): super().__init__()\n"
            "    def forward(self, features): return features.stages[-1]"
        ),
        {},
        "it answered [32], stated [10]",
    ),
    "loss": (
        "loss",
        "class Bad(Loss):\n    def forward(self, raw, target): return raw.mean()",
        {},
        "it gave [] for 2 samples, stated [2]",
    ),
    "metric": (
        "metric",
        (
            "class Bad(Metric):\n    def reset(self): pass\n    def update(self, prediction, target): pass\n"
            "    def compute(self): return torch.zeros(3)"
        ),
        {},
        "its value is [3], stated a scalar",
    ),
    "sharing": (
        "sharing",
        (
            "class Bad(Sharing):\n    def __init__(self, tasks, build_encoder):\n"
            "        super().__init__(tasks, build_encoder)\n        self.encoder = build_encoder()\n"
            "        self.feature_specs = {task: self.encoder.feature_specs for task in tasks}\n"
            "    def forward(self, image, inputs, tasks): return {}"
        ),
        {},
        "has no features for task 'classify'",
    ),
    "task": (
        "task",
        "class Bad(Task):\n    target_spec = 3\n    def target(self, batch): return None",
        {},
        "its target_spec is 3",
    ),
    "kind of number": ("encoder", ENCODER, {"ANSWER": "answer.double()"}, "float64 where it must be float32"),
    "subclass": (
        "encoder",
        ENCODER,
        {"ANSWER": "(answer.as_subclass(type('Own', (torch.Tensor,), {})) if self.training else answer)"},
        "stage 'dense' answered of type Own",
    ),
    "not finite": ("encoder", ENCODER, {"ANSWER": "answer / 0"}, "stage 'dense' answered not finite"),
    "training only": ("encoder", ENCODER, {"ANSWER": "(None if self.training else answer)"}, "answered None"),
    "complex loss": (
        "loss",
        (
            "class Bad(Loss):\n    def forward(self, raw, target):\n"
            "        return (raw.mean(1) + 0j) if raw.requires_grad else raw.mean(1)"
        ),
        {},
        "it gave complex64 where it must be float32",
    ),
    "bottleneck": (
        "head",
        (
            "class Bad(Head):\n    def __init__(self, spec):\n        super().__init__()\n"
            "        self.layer, self.unused = nn.Linear(32, 10), nn.Linear(2, 2)\n"
            "    def bottleneck(self): return self.unused\n"
            "    def forward(self, features): return self.layer(features.stages[-1])"
        ),
        {},
        "its bottleneck is no layer that its answer comes from",
    ),
    "lazy": ("encoder", ENCODER + "        \n    unused = None\n", {"UNUSED": "1"}, "has the lazy parameter"),
}
PLACES = {
    "head": {"tasks": {"classify": {"head": "bad"}}},
    "loss": {"tasks": {"classify": {"loss": "bad"}}},
    "metric": {"tasks": {"classify": {"metrics": ["bad"]}}},
    "task": {"tasks": ["bad"]},
}


def source_of(kind: str, body: str, changes: dict[str, str]) -> str:
    """Return a plugin's source; what is not changed works."""
    if "UNUSED" in changes:
        body = body.replace(
            "        self.feature_specs", "        self.spare = nn.LazyLinear(3)\n        self.feature_specs"
        )
    for name, usual in (("LAYER", "nn.Linear(784, 8)"), ("STATED", "8"), ("ANSWER", "answer")):
        body = body.replace(name, changes.get(name, usual))
    return HEAD.format(one=kind) + body


def composed(registry: Registry, kind: str) -> Composition:
    """Compose a small recipe with the component `bad` of a kind."""
    tree = {"encoder": "mlp", "tasks": ["classify"], **PLACES.get(kind, {kind: "bad"})}
    return compose(read(RecipeSource(tree), registry), registry)


@pytest.mark.parametrize("case", LIES)
def test_a_component_that_answers_otherwise_than_it_states_is_named(
    case: str, install_plugin: Callable[..., str]
) -> None:
    kind, body, changes, message = LIES[case]
    install_plugin("bad-plugin", source_of(kind, body, changes))
    with pytest.raises(ComponentError) as caught:
        composed(discover(), kind)
    assert str(caught.value).startswith(f"{kind} 'bad' of bad-plugin 1.0")
    assert message in str(caught.value)


def test_lazy_layers_are_made_from_the_seed_before_they_are_counted(
    install_plugin: Callable[..., str],
) -> None:
    install_plugin("bad-plugin", source_of("encoder", ENCODER, {"LAYER": "nn.LazyLinear(8)"}))
    registry = discover()
    one, other = composed(registry, "encoder"), composed(registry, "encoder")
    assert one.parameters()["encoder"] == 784 * 8 + 8
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    assert all(torch.equal(mine, its) for mine, its in pairs)


def test_a_rehearsal_changes_neither_weights_nor_modes_nor_generators(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {"encoder": "small-resnet", "tasks": ["classify", "denoise"], "sharing": "cross-stitch"}
    recipe = read(RecipeSource(tree), registry)
    torch.manual_seed(5)
    rehearsed = compose(recipe, registry).model
    after = torch.rand(3)
    monkeypatch.setattr(composer._Composer, "_rehearse", lambda *arguments: None)
    torch.manual_seed(5)
    plain = compose(recipe, registry).model
    assert torch.equal(after, torch.rand(3))
    expected, got = plain.state_dict(), rehearsed.state_dict()
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert [part.training for part in plain.modules()] == [part.training for part in rehearsed.modules()]


LATE = """
class Bad(Metric):
    starts_late = True
    def reset(self): pass
    def update(self, prediction, target): pass
    def compute(self): return torch.zeros(3)
"""


def test_a_metric_that_starts_late_is_rehearsed_before_a_training_and_not_before(
    install_plugin: Callable[..., str], tmp_path: Path
) -> None:
    install_plugin("bad-plugin", source_of("metric", LATE, {}))
    registry = discover()
    composition = composed(registry, "metric")
    with pytest.raises(ComponentError, match="metric 'bad' of bad-plugin") as caught:
        Pipeline(registry, torch.device("cpu")).run(composition.recipe, tmp_path / "run")
    assert "its value is [3], stated a scalar" in str(caught.value)
    assert list(tmp_path.glob("run*")) == []


STRANGE = {
    "no-encoder": ("class Bad(nn.Module): pass", "is no mtl.core.contracts.encoder:Encoder"),
    "int": ("Bad = 5", "it is no class but of type int"),
    "unknown-type": (
        "class Bad(Encoder):\n    def __init__(self, image, inputs, *, width: 'Nope' = 3): pass",
        "NameError: name 'Nope' is not defined",
    ),
}


@pytest.mark.parametrize("case", STRANGE)
def test_what_is_no_component_is_named_before_anything_is_built(
    case: str, install_plugin: Callable[..., str], mtl: Callable[..., Any]
) -> None:
    body, message = STRANGE[case]
    install_plugin("bad-plugin", source_of("encoder", body, {}))
    with pytest.raises(ComponentError) as caught:
        composed(discover(), "encoder")
    assert "encoder 'bad' of bad-plugin 1.0" in str(caught.value)
    assert message in str(caught.value)
    shown = mtl("show", "encoder", "bad")
    assert shown.status == 3
    assert message in shown.err
