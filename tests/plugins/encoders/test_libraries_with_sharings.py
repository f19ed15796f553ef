"""Twelve networks of eight families, with every sharing scheme, from a picture to a verified file.

Each is as small as its library makes it: one block per stage where it lets one say so. Two tasks, one of
which answers per pixel and so reads what every stage shows.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.core.base.errors import VerificationError
from mtl.core.cli.main import run
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource
from mtl.core.running.pipeline import Pipeline
from mtl.core.running.run import load_run

pytest.importorskip("timm", reason="the extra timm is not installed")

ONE_BLOCK = [1, 1, 1, 1]
VIT = {"depth": 2, "embed_dim": 16, "num_heads": 2}
SWIN = {"depths": ONE_BLOCK, "embed_dim": 8, "num_heads": ONE_BLOCK}
REGNET = {"depth": 4, "w0": 8, "wa": 12.0, "wm": 1.5, "group_size": 8, "stem_width": 8}
INVERTED = [[1, 8, 1, 1], [2, 8, 1, 2], [2, 8, 1, 2], [2, 8, 1, 2]]


def timm(model: str, **arguments: Any) -> dict[str, Any]:
    return {"name": "timm", "model": model, "arguments": arguments}


def torchvision(model: str, **arguments: Any) -> dict[str, Any]:
    return {"name": "torchvision", "model": model, "arguments": arguments}


NETWORKS: Mapping[str, dict[str, Any]] = {
    "resnet": timm("resnet18", layers=ONE_BLOCK, channels=[8, 8, 8, 8]),
    "resnet-bottleneck": timm("resnet26", layers=ONE_BLOCK, channels=[4, 4, 4, 4]),
    "mobilenet-v2": torchvision("mobilenet_v2", inverted_residual_setting=INVERTED, width_mult=0.1),
    "mobilenet-v3": timm("mobilenetv3_small_050", depth_multiplier=0.1),
    "efficientnet": timm("test_efficientnet"),
    "convnext": timm("convnext_atto", depths=ONE_BLOCK, dims=[8, 8, 8, 8]),
    "regnet": timm("regnetx_002", **REGNET),
    "repvgg": timm("test_byobnet"),
    "vit": timm("vit_tiny_patch16_224", **VIT, reg_tokens=1),
    "vit-of-means": timm("vit_tiny_patch16_224", **VIT, class_token=False, global_pool="avg"),
    "swin": timm("swin_tiny_patch4_window7_224", **SWIN),
    "coatnet": timm("coatnet_pico_rw_224", depths=ONE_BLOCK, embed_dim=[32] * 4, stem_width=[8, 8]),
}
SHARINGS: Mapping[str, Any] = {
    "hard": "hard",
    "none": "none",
    "cross-stitch": {"name": "cross-stitch", "per": "channel"},
    "mmoe": {"name": "mmoe", "experts": 2},
    "cgc": "cgc",
    "ple": "ple",
    "mtan": "mtan",
    "dselect-k": {"name": "dselect-k", "experts": 2, "selected": 1},
    "ltb": "ltb",
}
PAIRS = [(network, sharing) for network in NETWORKS for sharing in SHARINGS]
NEAR = [(network, list(SHARINGS)[index % len(SHARINGS)]) for index, network in enumerate(NETWORKS)]
EXPORTED = [PAIRS[0], NEAR[8]]


def recipe(network: str, sharing: str) -> dict[str, Any]:
    return {
        "dataset": {"name": "scenes", "train_size": 12, "test_size": 4, "size": 32},
        "encoder": NETWORKS[network],
        "sharing": SHARINGS[sharing],
        "tasks": {"objects": {}, "depth": {}},
        "train": {"epochs": 1, "batch_size": 5},
    }


def command(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = run(list(arguments))
    return status, said.getvalue()


def test_all_sharings_are_in_the_matrix(registry: Registry) -> None:
    assert set(registry.names("sharing")) == set(SHARINGS)
    assert {sharing for _, sharing in NEAR} == set(SHARINGS)


@pytest.mark.parametrize(("network", "sharing"), NEAR)
def test_a_network_is_trained_and_answers_alike_when_it_is_loaded(
    network: str, sharing: str, registry: Registry, tmp_path: Path
) -> None:
    train(network, sharing, registry, tmp_path / "run")


@pytest.mark.parametrize(("network", "sharing"), EXPORTED)
def test_a_network_is_trained_exported_and_verified(network: str, sharing: str, tmp_path: Path) -> None:
    walk(network, sharing, tmp_path)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_heads_see_the_maps_of_a_transformer_under_every_sharing(sharing: str, registry: Registry) -> None:
    values = recipe("vit", sharing)
    composition = compose(read(RecipeSource(values), registry), registry)
    model = composition.model.eval()
    with torch.no_grad():
        seen = model.sharing(torch.rand(2, 3, 32, 32), {}, list(composition.tasks))
    for stages in seen.values():
        assert [tuple(stage.shape[1:]) for stage in stages] == [(16, 2, 2)] * 3 + [(16,)]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "sharing"), [pair for pair in PAIRS if pair not in EXPORTED])
def test_every_network_is_with_every_sharing(network: str, sharing: str, tmp_path: Path) -> None:
    walk(network, sharing, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_a_smaller_file_of_every_network_is_within_its_gate_or_refused(
    network: str, registry: Registry, tmp_path: Path
) -> None:
    data = {"name": "scenes", "train_size": 64, "test_size": 16, "size": 32}
    values = recipe(network, "hard") | {"dataset": data, "train": {"epochs": 1, "validation": 0.5}}
    pipeline = Pipeline(registry, torch.device("cpu"), publishes=False)
    pipeline.run(read(RecipeSource(values), registry), tmp_path / "run")
    for precision in ("int8", "float16"):
        file = tmp_path / f"{precision}.onnx"
        try:
            report = load_run(tmp_path / "run", registry).export(file, precision=precision)
        except VerificationError:
            assert not file.exists()
            continue
        for task, found in report.verification["quality"].items():
            assert found["drop"]["validation"] <= found["allowed"], task


def train(network: str, sharing: str, registry: Registry, folder: Path) -> None:
    """Train all that is asked for, and hold that what was kept is the trained model."""
    read_recipe = read(RecipeSource(recipe(network, sharing)), registry)
    outcome = Pipeline(registry, torch.device("cpu"), publishes=False).run(read_recipe, folder)
    before = compose(outcome.composition.recipe, registry).model.state_dict()
    batch = outcome.splits.test.batch(torch.arange(2))
    trained, kept = outcome.composition.model.eval(), load_run(folder, registry).model
    with torch.no_grad():
        answers, again = trained(batch.image, batch.inputs), kept(batch.image, batch.inputs)
    for task, answer in answers.items():
        assert answer.isfinite().all()
        assert torch.equal(answer, again[task])
    moved = {name for name, value in trained.named_parameters() if not torch.equal(value, before[name])}
    # Not all of them: an attention over one place learns no bias, a branch that was not drawn nothing at all.
    assert {name.split(".")[0] for name in moved} == {"sharing", "heads"}


def walk(network: str, sharing: str, folder: Path) -> None:
    (folder / "recipe.yaml").write_text(json.dumps(recipe(network, sharing)))
    status, said = command("compose", "--recipe", str(folder / "recipe.yaml"), "--out", str(folder / "run"))
    assert status == 0, said
