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

from mtl.core.cli.main import run
from mtl.core.composition.composer import compose
from mtl.core.discovery.registry import Registry
from mtl.core.recipe.recipe_reader import read
from mtl.core.recipe.recipe_source import RecipeSource

pytest.importorskip("timm", reason="the extra timm is not installed")

ONE_BLOCK = [1, 1, 1, 1]
VIT = {"depth": 3, "embed_dim": 16, "num_heads": 2}
SWIN = {"depths": ONE_BLOCK, "embed_dim": 16, "num_heads": ONE_BLOCK}


def timm(model: str, **arguments: Any) -> dict[str, Any]:
    return {"name": "timm", "model": model, "arguments": arguments}


NETWORKS: Mapping[str, dict[str, Any]] = {
    "resnet": timm("resnet18", layers=ONE_BLOCK, channels=[8, 8, 16, 16]),
    "resnet-bottleneck": timm("resnet26", layers=ONE_BLOCK, channels=[4, 4, 8, 8]),
    "mobilenet-v2": timm("mobilenetv2_035"),
    "mobilenet-v3": {"name": "torchvision", "model": "mobilenet_v3_small"},
    "mobilenet-v4": timm("mobilenetv4_conv_small_035"),
    "efficientnet": timm("test_efficientnet"),
    "convnext": timm("convnext_atto", depths=ONE_BLOCK, dims=[8, 8, 16, 16]),
    "regnet": timm("regnetx_002"),
    "vit": timm("vit_tiny_patch16_224", **VIT, reg_tokens=1),
    "vit-of-means": timm("vit_tiny_patch16_224", **VIT, class_token=False, global_pool="avg"),
    "swin": timm("swin_tiny_patch4_window7_224", **SWIN),
    "coatnet": timm("coatnet_pico_rw_224", depths=ONE_BLOCK, embed_dim=[32, 32, 32, 64]),
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


@pytest.mark.parametrize(("network", "sharing"), [PAIRS[0], NEAR[8]])
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
        assert [tuple(stage.shape[1:]) for stage in stages] == [(16, 2, 2)] * 4 + [(16,)]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "sharing"), [pair for pair in PAIRS if pair not in (PAIRS[0], NEAR[8])])
def test_every_network_is_with_every_sharing(network: str, sharing: str, tmp_path: Path) -> None:
    walk(network, sharing, tmp_path)


def walk(network: str, sharing: str, folder: Path) -> None:
    (folder / "recipe.yaml").write_text(json.dumps(recipe(network, sharing)))
    status, said = command("compose", "--recipe", str(folder / "recipe.yaml"), "--out", str(folder / "run"))
    assert status == 0, said
    status, said = command("verify", str(folder / "run"))
    assert status == 0, said
