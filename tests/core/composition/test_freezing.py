"""What is frozen is named by pattern, statistics of layers included, and stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from mtl.core.base.errors import RecipeError
from mtl.core.composition.composer import compose
from mtl.core.composition.composition import Composition
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

ENCODER = {"name": "small-resnet", "widths": [2, 2], "depth": 1}


def composed(registry: Registry, train: dict[str, Any], **tree: Any) -> Composition:
    values = {"tasks": ["classify", "parity"], "encoder": ENCODER, "train": train, **tree}
    return compose(read(RecipeSource(values), registry), registry)


def test_a_pattern_freezes_parameters_and_the_statistics_of_layers(registry: Registry) -> None:
    freezing = composed(registry, {"freeze": ["encoder.stages.stem.*"]}).training.freezing
    assert freezing.parameters
    assert all(".stem." in name for name in (*freezing.parameters, *freezing.layers))
    assert len(freezing.layers) == 1


def test_weights_alone_leave_statistics_free(registry: Registry) -> None:
    freezing = composed(registry, {"freeze": ["encoder.*.weight"]}).training.freezing
    assert freezing.parameters
    assert not freezing.layers


def test_what_is_never_trained_wants_no_gradient(registry: Registry) -> None:
    composition = composed(registry, {"freeze": ["encoder.*"]})
    assert {name.split(".")[0] for name, it in composition.model.named_parameters() if it.requires_grad} == {
        "heads"
    }
    assert composition.parameters()["encoder"] == 0


def test_what_is_trained_later_counts_as_trained(registry: Registry) -> None:
    composition = composed(registry, {"freeze": ["encoder.*"], "unfreeze_after": 1})
    assert all(parameter.requires_grad for parameter in composition.model.parameters())


def test_an_epoch_is_frozen_in_its_block_only(registry: Registry) -> None:
    composition = composed(registry, {"freeze": ["encoder.*"], "unfreeze_after": 1})
    model, freezing = composition.model, composition.training.freezing
    norm = model.get_submodule(freezing.layers[0])
    with freezing.in_epoch(model, 1):
        assert not norm.training
        assert {name for name, it in model.named_parameters() if it.requires_grad} == {
            name for name, _ in model.named_parameters() if name.startswith("heads")
        }
    assert all(parameter.requires_grad for parameter in model.parameters())
    with freezing.in_epoch(model, 2):
        assert norm.training
        assert all(parameter.requires_grad for parameter in model.parameters())


def test_names_of_the_model_tell_encoders_apart(registry: Registry) -> None:
    composition = composed(registry, {"freeze": ["sharing.encoders.1.*"]}, sharing="none")
    assert all(name.startswith("sharing.encoders.1.") for name in composition.training.freezing.parameters)


def test_all_may_be_frozen_while_heads_train(registry: Registry) -> None:
    composed(registry, {"freeze": ["encoder.*", "heads.classify.*"]})


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ({"freeze": ["encodr.*"]}, "freeze: the pattern 'encodr.*' matches no parameter"),
        ({"freeze": ["*"]}, "freeze: every parameter of the model is frozen: there is nothing"),
        (
            {"freeze": ["*"], "unfreeze_after": 3},
            "freeze: every parameter of the model is frozen for 3 epochs",
        ),
        ({"unfreeze_after": 2}, "unfreeze_after: freeze names nothing"),
        (
            {"freeze": ["encoder.*"], "unfreeze_after": 5, "epochs": 5},
            "unfreeze_after: 5 leaves no epoch of 5",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(train: dict[str, Any], told: str, registry: Registry) -> None:
    with pytest.raises(RecipeError) as caught:
        composed(registry, train)
    (problem,) = caught.value.problems
    assert told in problem.message
    assert problem.hint


def test_a_balancer_of_gradients_needs_something_shared_that_is_trained(registry: Registry) -> None:
    for train in ({"freeze": ["encoder.*"]}, {"freeze": ["encoder.*"], "unfreeze_after": 1}):
        with pytest.raises(RecipeError, match="needs shared parameters that are trained"):
            composed(registry, train, balancer="mgda")


def test_layer_decay_lowers_the_rate_stage_by_stage(registry: Registry) -> None:
    training = {
        "layer_decay": 0.5,
        "learning_rate": 0.8,
        "groups": [{"match": "*stem*", "learning_rate": "x0.5"}],
    }
    composition = composed(registry, training)
    rates = {name: it.learning_rate for name, it in composition.training.settings.items()}
    # Two stages: the last is one away from the heads, the stem two, and its group halves it once more.
    assert {rate for name, rate in rates.items() if name.startswith("heads")} == {0.8}
    assert {rate for name, rate in rates.items() if ".layer1." in name} == {0.4}
    assert {rate for name, rate in rates.items() if ".stem." in name} == {0.1}


def test_a_rate_of_a_groups_own_is_taken_as_it_is(registry: Registry) -> None:
    training = {"layer_decay": 0.5, "groups": [{"match": "*stem*", "learning_rate": 0.3}]}
    settings = composed(registry, training).training.settings
    assert {it.learning_rate for name, it in settings.items() if ".stem." in name} == {0.3}


def test_norms_and_biases_can_be_spared_from_weight_decay(registry: Registry) -> None:
    groups = [{"match": "heads.parity.*", "weight_decay": 0.5}]
    training = {"decay_norms": False, "weight_decay": 0.1, "groups": groups}
    composition = composed(registry, training)
    parameters = dict(composition.model.named_parameters())
    for name, setting in composition.training.settings.items():
        own = name.startswith("heads.1.")
        assert setting.weight_decay == (0.5 if own else 0.1 if parameters[name].dim() > 1 else 0.0)


@pytest.mark.parametrize(
    ("watch", "stands"),
    [("parity", "parity/accuracy"), ("parity/f1", "parity/f1"), ("classify/loss", "classify/loss")],
)
def test_what_is_watched_stands_in_full_in_the_recipe(watch: str, stands: str, registry: Registry) -> None:
    assert composed(registry, {"watch": watch}).recipe.train.watch == stands


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ({"watch": "clasify"}, "there is no task 'clasify'"),
        ({"watch": "classify/psnr"}, "'psnr' of task 'classify' is none of its metrics"),
        ({"watch": "classify/confusion-matrix"}, "is no number of which more or less is better"),
        ({"watch": "classify", "select": "last"}, "nothing is chosen by it"),
    ],
)
def test_what_cannot_be_watched_is_refused(train: dict[str, Any], told: str, registry: Registry) -> None:
    with pytest.raises(RecipeError, match=told) as caught:
        composed(registry, train)
    assert caught.value.problems[0].hint
