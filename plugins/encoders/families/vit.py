"""Vision transformers: Dosovitskiy et al. 2021, and what timm builds of the same class (DeiT, CLIP's).

Tokens go from stage to stage, all of them, channels first: `[B, C, N]`. Heads see the map of the patches.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .pieces import Stage, Stages, TokenMap, grouped, part_of, run_tokens

_EMBEDDING = ("patch_embed", "pos_drop", "patch_drop", "norm_pre")
_TOKENS = ("cls_token", "reg_token", "dist_token", "pos_embed")
_POOL = ("norm", "attn_pool", "fc_norm", "head_drop", "head", "head_dist")


def timm_stages(network: Any) -> Stages:
    """Return `embedding`, `blocks1` to `blocks4` (fewer where there are fewer blocks), and `pool`."""
    height, width = network.patch_embed.grid_size
    show = TokenMap(height, width, network.num_prefix_tokens)
    embedding = Stage(part_of(network, _EMBEDDING, _TOKENS), _timm_embedding, show)
    return _stages(embedding, network.blocks, Stage(part_of(network, _POOL), _timm_pool), show)


def _timm_embedding(network: Any, image: Tensor) -> Tensor:
    tokens: Tensor = network.norm_pre(network.patch_drop(network._pos_embed(network.patch_embed(image))))
    return tokens.transpose(1, 2)


def _timm_pool(network: Any, tokens: Tensor) -> Tensor:
    answer: Tensor = network.forward_head(network.norm(tokens.transpose(1, 2)), pre_logits=True)
    return answer


def torchvision_stages(network: Any) -> Stages:
    """Return the same stages of torchvision's network."""
    side = network.image_size // network.patch_size
    show = TokenMap(side, side, 1)
    embedding = part_of(network, ["conv_proj"], ["class_token"])
    embedding.places = part_of(network.encoder, ["dropout"], ["pos_embedding"])
    pool = nn.Sequential(Stage(network.encoder.ln, run_tokens), Stage(network.heads, _first_token))
    return _stages(Stage(embedding, _torchvision_embedding, show), network.encoder.layers, pool, show)


def _torchvision_embedding(network: Any, image: Tensor) -> Tensor:
    patches = network._process_input(image)
    tokens = torch.cat([network.class_token.expand(len(patches), -1, -1), patches], dim=1)
    placed: Tensor = network.places.dropout(tokens + network.places.pos_embedding)
    return placed.transpose(1, 2)


def _first_token(heads: Any, tokens: Tensor) -> Tensor:
    answer: Tensor = heads(tokens[:, :, 0])
    return answer


def _stages(embedding: nn.Module, blocks: Any, pool: nn.Module, show: TokenMap) -> Stages:
    found: Stages = {"embedding": embedding}
    for number, group in enumerate(grouped(list(blocks)), 1):
        found[f"blocks{number}"] = Stage(group, run_tokens, show)
    found["pool"] = pool
    return found
