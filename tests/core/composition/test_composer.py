"""Everything is negotiated before training: what does not fit is refused, what is silent is filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mtl.core.base.errors import ComponentError, RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry, discover
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

Build = Callable[..., Composition]


@pytest.fixture
def build(registry: Registry) -> Build:
    def build(**tree: Any) -> Composition:
        source = RecipeSource(tree)
        return compose(read(source, registry), registry, source)

    return build


def weights(composition: Composition, part: str) -> dict[str, torch.Tensor]:
    return {name: value for name, value in composition.model.state_dict().items() if name.startswith(part)}


def test_a_silent_recipe_is_filled_in_completely(build: Build) -> None:
    plain = build(tasks=["classify", "denoise"]).recipe.to_plain()
    assert plain["tasks"]["classify"]["head"]["name"] == "linear"
    assert plain["tasks"]["classify"]["loss"]["name"] == "cross-entropy"
    assert plain["tasks"]["denoise"]["head"]["name"] == "decoder"
    assert [metric["name"] for metric in plain["tasks"]["denoise"]["metrics"]] == ["psnr", "ssim"]


def test_the_filled_in_recipe_composes_to_itself(build: Build) -> None:
    first = build(tasks=["classify", "denoise", "random-sum"]).recipe
    assert build(**first.to_plain()).recipe.to_plain() == first.to_plain()


def test_a_task_with_an_extra_input_gets_a_head_that_reads_it(build: Build) -> None:
    assert build(tasks=["random-sum"]).recipe.tasks[0].head.name == "fusion"  # type: ignore[union-attr]


def test_an_encoder_that_reads_the_extra_input_leaves_a_plain_head(build: Build) -> None:
    recipe = build(tasks=["random-sum", "classify"], encoder="two-input-cnn").recipe
    assert [task.head.name for task in recipe.tasks] == ["linear", "linear"]  # type: ignore[union-attr]


def test_two_tasks_may_not_claim_one_input(build: Build) -> None:
    with pytest.raises(RecipeError, match="needs an input 'number', which is already that of a"):
        build(tasks={"a": {"task": "random-sum"}, "b": {"task": "random-sum"}})


def test_the_same_seed_gives_the_same_start(build: Build) -> None:
    first, second = (weights(build(tasks=["classify"], seed=3), "") for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_task_does_not_change_the_encoders_start(build: Build) -> None:
    alone = weights(build(tasks=["classify"]), "sharing")
    beside = weights(build(tasks=["classify", "parity"]), "sharing")
    assert all(torch.equal(alone[name], beside[name]) for name in alone)


def test_towers_start_differently(build: Build) -> None:
    start = list(weights(build(tasks=["classify", "parity"], sharing="none"), "sharing").values())
    half = len(start) // 2
    assert not torch.equal(start[0], start[half])


def test_composing_leaves_the_global_generator_alone(build: Build) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build(tasks=["classify"])
    assert torch.equal(torch.rand(3), expected)


def test_parameters_are_counted_by_part(build: Build) -> None:
    counts = build(tasks=["classify", "parity"], encoder="mlp").parameters()
    assert counts["heads"] == {"classify": 32 * 10 + 10, "parity": 32 + 1}
    assert counts["total"] == counts["encoder"] + sum(counts["heads"].values())


def test_stated_normalisation_is_part_of_the_model(build: Build) -> None:
    composition = build(tasks=["classify"], normalization={"mean": [0.1307], "std": [0.3081]})
    image = torch.full((1, 1, 28, 28), 0.5)
    normalised = composition.model.normalization(image)
    assert normalised.flatten()[0].item() == pytest.approx((0.5 - 0.1307) / 0.3081)


def test_the_recipe_hash_does_not_depend_on_where_the_data_are(build: Build) -> None:
    first, second = (
        build(tasks=["classify"], dataset={"name": "mnist", "data_dir": folder}).recipe
        for folder in ("/a", "/b")
    )
    assert first.hash() == second.hash()
    assert first.to_plain() != second.to_plain()


def test_a_metric_may_not_stand_twice(build: Build) -> None:
    with pytest.raises(RecipeError, match="task 'classify' has metric 'accuracy' twice"):
        build(tasks={"classify": {"metrics": ["accuracy", "accuracy"]}})


GREEDY = """
    from mtl import Component, hookimpl

    @hookimpl
    def mtl_components():
        yield Component("balancer", "greedy", "Needs gradients", "greedy_plugin:Greedy")

    def __getattr__(name):
        from mtl.core.contracts import Balancer

        class Greedy(Balancer):
            needs_gradients = True

        if name == "Greedy":
            return Greedy
        raise AttributeError(name)
"""


def test_a_gradient_balancer_needs_something_shared(install_plugin: Callable[..., str]) -> None:
    install_plugin("greedy-plugin", GREEDY)
    registry = discover()
    tree = {"tasks": ["classify", "parity"], "sharing": "none", "balancer": "greedy"}
    with pytest.raises(RecipeError, match="balancer 'greedy' needs shared parameters; sharing 'none'"):
        compose(read(RecipeSource(tree), registry), registry)


LYING = """
    from collections import OrderedDict
    from mtl import Component, hookimpl

    @hookimpl
    def mtl_components():
        yield Component("encoder", "lying", "States too many stages", "lying_plugin:Lying")
        yield Component("encoder", "needy", "Takes other arguments", "lying_plugin:Needy")

    def __getattr__(name):
        from torch import nn
        from mtl.core.contracts import Encoder
        from mtl.core.contracts.specs import FeatureSpec

        class Lying(Encoder):
            def __init__(self, image, inputs):
                super().__init__()
                self.stages = nn.Sequential(OrderedDict(only=nn.Flatten()))
                self.feature_specs = (FeatureSpec(784), FeatureSpec(3))

        class Needy(Encoder):
            def __init__(self, image, inputs, more):
                super().__init__()

        if name in ("Lying", "Needy"):
            return {"Lying": Lying, "Needy": Needy}[name]
        raise AttributeError(name)
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [("lying", "has 1 stages but states 2 feature specs"), ("needy", "cannot be constructed: .*'more'")],
)
def test_a_component_that_breaks_its_contract_is_named(
    name: str, message: str, install_plugin: Callable[..., str]
) -> None:
    install_plugin("lying-plugin", LYING)
    registry = discover()
    with pytest.raises(ComponentError, match=f"encoder '{name}' of lying-plugin 1.0 {message}"):
        compose(read(RecipeSource({"tasks": ["classify"], "encoder": name}), registry), registry)
