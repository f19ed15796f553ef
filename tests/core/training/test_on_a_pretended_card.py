"""No built-in component waits for a card inside of a step: every one goes through a block on a pretended one.

Tensors have shape, type and device, and no values: what would need those fails, by its line. Backward passes
only pretend, so what autograd's formulas read is not seen; `python -m benchmarks.gpu` looks for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.contracts import tensor_form
from mtl.core.contracts.randomness import Generators, StepRandom
from mtl.core.data.samples import Samples, Splits, load_splits
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.testing.waiting import Place, first_wait
from mtl.core.training.trainer import Trainer

CARD = torch.device("cuda", 0)
SOLVES_BEYOND_A_STEP = {"famo"}
"""Balancers that look at a batch twice, with generators wound back, and say so."""

REGISTRY = discover()


def recipes() -> Iterator[tuple[str, dict[str, Any]]]:
    small = {"encoder": {"name": "mlp", "hidden": [8]}, "tasks": ["denoise", "classify"]}
    for name in REGISTRY.names("augmentation"):
        if name != "colour-jitter":  # of pictures in colour, which none of these are
            yield f"augmentation {name}", {**small, "tasks": ["classify"], "augmentations": [name]}
    for name in REGISTRY.names("sharing"):
        yield f"sharing {name}", {**small, "encoder": "lenet", "sharing": name}
    for name in REGISTRY.names("balancer"):
        if name not in SOLVES_BEYOND_A_STEP:
            yield f"balancer {name}", {**small, "balancer": name}
    for name in ("lenet", "alexnet", "resnet18", "small-resnet", "airbench", "shapenet"):
        yield f"encoder {name}", {**small, "encoder": name}
    for name in ("even", "rotation", "autoencode"):
        yield f"task {name}", {**small, "tasks": ["classify", name]}
    yield "task random-sum", {**small, "encoder": "two-input-cnn", "tasks": ["classify", "random-sum"]}
    yield "sgd without momentum", {**small, "train": {"optimizer": "sgd", "momentum": 0.0}}
    yield "accumulation, clipping, a mean", {**small, "train": {"accumulate": 2, "clip": 1.0, "ema": 0.9}}


RECIPES = dict(recipes())


@pytest.fixture(scope="module")
def splits() -> Splits:
    composition = composed(REGISTRY, RECIPES["task even"])
    return load_splits(composition.dataset, validation=0.9, split_seed=0)


def composed(registry: Registry, tree: Mapping[str, Any]) -> Composition:
    whole = {**tree, "train": {"batch_size": 8, **tree.get("train", {})}}
    return compose(read(RecipeSource(whole), registry), registry)


def _fused(*lists: Any, **_: Any) -> None:
    """Stand in for a fused update, which no pretended tensor can have: layouts must be the parameters'."""
    parameters = lists[0]
    for others in lists[1:3]:
        for parameter, other in zip(parameters, others, strict=False):
            assert other.stride() == parameter.stride()
            assert other.device == parameter.device


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Callable[[Composition], None]:
    def uniform(self: StepRandom, *shape: int) -> Tensor:
        return torch.rand((self.batch_size, *shape), device=self.device)

    def normal(self: StepRandom, *shape: int) -> Tensor:
        return torch.randn((self.batch_size, *shape), device=self.device)

    monkeypatch.setattr(StepRandom, "uniform", uniform)
    monkeypatch.setattr(StepRandom, "normal", normal)
    # There are no generators on a device that is not there.
    monkeypatch.setattr(Generators, "take", lambda self, *_: torch.default_generator)
    monkeypatch.setattr(Generators, "restart", lambda self, *_: None)
    monkeypatch.setattr(nn.Module, "to", lambda self, *_, **__: self)
    monkeypatch.setattr(Trainer, "_prepare_capture", lambda self: None)
    monkeypatch.setattr(tensor_form, "_PLAIN", (*tensor_form._PLAIN, FakeTensor))
    for name in ("_fused_adam_", "_fused_adamw_", "_fused_sgd_"):
        monkeypatch.setattr(torch, name, _fused)

    def prepare(composition: Composition) -> None:
        modules: Sequence[nn.Module] = (composition.model, composition.balancer)

        def backward(*_: Any, **__: Any) -> None:
            for module in modules:
                for parameter in module.parameters():
                    if parameter.requires_grad:
                        parameter.grad = torch.empty_like(parameter)

        monkeypatch.setattr(torch.autograd, "backward", backward)

    return prepare


FEW = set(list(RECIPES)[::6])
"""Those that every run looks at."""


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES]
)
def test_a_step_waits_for_nothing(
    name: str, splits: Splits, pretended: Callable[[Composition], None]
) -> None:
    composition = composed(REGISTRY, RECIPES[name])
    if not composition.balancer.capturable:
        pytest.skip("it says itself that it cannot be captured")
    pretended(composition)

    losses = [composed.loss for composed in composition.tasks.values()]
    made: list[Trainer] = []

    def prepare(place: Place) -> None:
        for module in (composition.model, composition.balancer, *losses):
            place(module)
        labels = {name: place(column) for name, column in splits.train.labels.items()}
        samples = Samples(place(splits.train.image), labels)
        made.append(Trainer(composition, Splits(samples, samples, samples), CARD))
        composition.model.train()
        # As before a capture: what is made once, is made in the first block.
        made[0]._work(place(torch.zeros(20, dtype=torch.int64)), 0)

    def work(place: Place) -> None:
        made[0]._work(place(torch.zeros(20, dtype=torch.int64)), 0)

    assert first_wait(work, prepare) is None
