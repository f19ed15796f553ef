"""Networks cut into stages compute what the library's own forward pass does, to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor

from mtl.core.base.errors import Incompatible
from mtl.plugins.encoders.families import TIMM, TORCHVISION, stages_of
from mtl.plugins.encoders.families.pieces import joined, shown

timm = pytest.importorskip("timm", reason="the extra timm is not installed")

SMALL_VIT = {"depth": 5, "embed_dim": 48, "num_heads": 3, "img_size": 64}
SMALL_SWIN = {"depths": (1, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 1, 1, 1), "img_size": 64}
ONE_BLOCK = (1, 1, 1, 1)
TIMM_NETWORKS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "resnet": ("resnet18", {"layers": ONE_BLOCK}),
    "resnet of bottlenecks": ("resnet50", {"layers": ONE_BLOCK}),
    "mobilenet v2": ("mobilenetv2_035", {}),
    "mobilenet v3": ("mobilenetv3_small_050", {}),
    "mobilenet v4": ("mobilenetv4_conv_small_035", {}),
    "efficientnet": ("tf_efficientnet_lite0", {}),
    "convnext": ("convnext_atto", {"depths": ONE_BLOCK, "dims": (8, 16, 24, 32)}),
    "regnet": ("regnetx_002", {}),
    "vit": ("vit_tiny_patch16_224", SMALL_VIT),
    "vit with registers": ("vit_tiny_patch16_224", {**SMALL_VIT, "reg_tokens": 2}),
    "vit of means": ("vit_tiny_patch16_224", {**SMALL_VIT, "class_token": False, "global_pool": "avg"}),
    "swin": ("swin_tiny_patch4_window7_224", SMALL_SWIN),
    "swin v2": ("swinv2_tiny_window8_256", SMALL_SWIN),
    "coatnet": ("coatnet_pico_rw_224", {"depths": ONE_BLOCK, "img_size": 64}),
    "maxvit": ("maxvit_rmlp_pico_rw_256", {"depths": ONE_BLOCK, "img_size": 64}),
    "mobilevit": ("mobilevit_xxs", {}),
    "davit": ("davit_tiny", {"depths": ONE_BLOCK}),
    "edgenext": ("edgenext_xx_small", {}),
    "efficientvit": ("efficientvit_b0", {}),
    "fastvit": ("fastvit_t8", {}),
    "hgnet": ("hgnetv2_b0", {}),
    "metaformer": ("poolformer_s12", {}),
    "metanext": ("inception_next_atto", {}),
    "nextvit": ("nextvit_small", {}),
    "vit distilled": ("deit_tiny_distilled_patch16_224", SMALL_VIT),
}
TORCHVISION_NETWORKS: Mapping[str, tuple[Any, dict[str, str]]] = {
    "resnet": (models.resnet18, {"relu": "stem", "layer1": "layer1", "layer3": "layer3", "layer4": "layer4"}),
    "mobilenet v2": (models.mobilenet_v2, {"features.1": "stage1", "features.17": "stage5"}),
    "mobilenet v3": (models.mobilenet_v3_small, {"features.0": "stem", "features.11": "stage4"}),
    "efficientnet": (models.efficientnet_b0, {"features.1": "stage1", "features.7": "stage5"}),
    "regnet": (models.regnet_x_400mf, {"stem": "stem", "trunk_output.block2": "stage2"}),
    "convnext": (
        lambda **how: models.ConvNeXt(
            [
                models.convnext.CNBlockConfig(8, 16, 1),
                models.convnext.CNBlockConfig(16, 24, 1),
                models.convnext.CNBlockConfig(24, None, 1),
            ],
            **how,
        ),
        {"features.0": "stem", "features.1": "stage1", "features.3": "stage2", "features.5": "stage3"},
    ),
    "swin": (
        lambda **how: models.SwinTransformer([4, 4], 24, [1, 1, 2], [1, 1, 1], [7, 7], **how),
        {},
    ),
    "vit": (lambda **how: models.VisionTransformer(64, 16, 5, 2, 32, 64, **how), {}),
    "maxvit": (
        lambda **how: models.MaxVit((64, 64), 8, 4, [8, 16], [1, 1], 8, 0.0, **how),
        {"stem": "stem", "blocks.0": "stage1", "blocks.1": "stage2"},
    ),
}


def stirred(network: nn.Module) -> nn.Module:
    """Return the network with statistics and scales that are not those it starts with."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
        for name, value in network.named_buffers():
            if name.endswith("running_var"):
                value.add_(torch.rand_like(value))
    return network.eval()


def walked(stages: nn.Sequential, image: Tensor) -> dict[str, Tensor]:
    """Return what heads see of every stage."""
    found = {}
    features = image
    for name, stage in stages.named_children():
        features = stage(features)
        found[name] = shown(stage, features)
    return found


def classifier_of(network: nn.Module) -> str:
    return [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear)][-1]


@pytest.mark.parametrize("name", TIMM_NETWORKS)
def test_stages_of_timm_compute_what_its_forward_pass_does(name: str) -> None:
    model, options = TIMM_NETWORKS[name]
    network: Any = stirred(timm.create_model(model, num_classes=0, exportable=True, **options))
    image = torch.randn(2, 3, 64, 64)
    stages = joined(stages_of(network, TIMM)).eval()
    with torch.no_grad():
        found = walked(stages, image)
        expected = network.forward_head(network.forward_features(image), pre_logits=True)
    assert found["pool"].isfinite().all()
    assert torch.equal(found["pool"], expected)
    assert sorted(map(id, stages.parameters())) == sorted(map(id, network.parameters()))


@pytest.mark.parametrize("name", TIMM_NETWORKS)
def test_heads_see_the_intermediate_maps_of_timm(name: str) -> None:
    model, options = TIMM_NETWORKS[name]
    network: Any = stirred(timm.create_model(model, num_classes=0, exportable=True, **options))
    image = torch.randn(2, 3, 64, 64)
    how = {"exclude_final_conv": True} if name == "mobilevit" else {}
    with torch.no_grad():
        found = [*walked(joined(stages_of(network, TIMM)).eval(), image).values()][:-1]
        expected = network.forward_intermediates(image, intermediates_only=True, **how)
    kept = [any(map(lambda tap, given=given: torch.equal(tap, given), found)) for given in expected]
    # Blocks of a transformer that are not the last ones of their stage are seen by nobody.
    assert kept == ([False, True, False, True, True] if name.startswith("vit") else [True] * len(expected))


@pytest.mark.parametrize("name", TORCHVISION_NETWORKS)
def test_stages_of_torchvision_compute_what_its_forward_pass_does(name: str) -> None:
    make, nodes = TORCHVISION_NETWORKS[name]
    network = stirred(make(num_classes=3))
    image = torch.randn(2, 3, 64, 64)
    last = network.get_submodule(classifier_of(network))
    seen: list[Tensor] = []
    noting = last.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    with torch.no_grad():
        network(image)
        expected = create_feature_extractor(network, list(nodes))(image) if nodes else {}
    noting.remove()
    network.set_submodule(classifier_of(network), nn.Identity())
    with torch.no_grad():
        found = walked(joined(stages_of(network, TORCHVISION)).eval(), image)
    assert found["pool"].isfinite().all()
    assert torch.equal(found["pool"], seen[0])
    assert [node for node, stage in nodes.items() if not torch.equal(found[stage], expected[node])] == []


def test_a_network_of_no_known_family_is_refused() -> None:
    with pytest.raises(Incompatible, match="no way to cut a SqueezeNet into stages; it cuts ConvNeXt, Eff"):
        stages_of(models.squeezenet1_1(), TORCHVISION)
