"""What a recipe asks of the device it is to be trained on, refused before anything is loaded."""

from __future__ import annotations

import torch

from ..base.device import refuse_unusable
from ..base.errors import MissingRequirementError, UsageError
from ..base.ranks import Ranks
from ..composition.composition import Composition
from ..composition.memory_format import refuse_unsafe


def refuse_impossible(composition: Composition, device: torch.device) -> None:
    """Raise the error of what the device cannot do: be used at all, compute in bf16, or the memory format."""
    refuse_unusable(device)
    training = composition.recipe.train
    if training.precision == "bf16" and device.type == "cuda" and not _computes_in_bf16(device):
        name = torch.cuda.get_device_name(device)
        raise MissingRequirementError(
            f"train.precision: bf16 is not to be had on {device} ({name})",
            hint="leave train.precision out: its cards compute in float32",
        )
    refuse_unsafe(composition.model, training.channels_last, device)


def refuse_unshared(composition: Composition, ranks: Ranks) -> None:
    """Raise `UsageError` for what several processes cannot train together."""
    training, balancer = composition.recipe.train, composition.balancer
    if ranks.alone:
        return
    hint = "train on one device"
    if ranks.world > training.batch_size:
        raise UsageError(
            f"train.batch_size is {training.batch_size}, too small to be shared by {ranks.world} processes",
            hint=f"at most {training.batch_size} devices, or a larger batch: it is that of all together",
        )
    if training.compile:
        raise UsageError("train.compile is for one device: the batch is cut between layers", hint=hint)
    if not balancer.ddp_safe:
        name = composition.recipe.balancer.name
        raise UsageError(f"the balancer {name!r} says that several devices cannot share it", hint=hint)


def not_by_shards() -> UsageError:
    """Return the refusal of a training that is to be kept after shards, and does not go shard by shard."""
    return UsageError(
        "train.checkpoint_every is 'shards', and the data are not trained on shard by shard",
        hint="that takes tar shards, train.memory: mapped and no train.sampling; or give some steps",
    )


def _computes_in_bf16(device: torch.device) -> bool:
    """Return whether the card itself does: torch can pretend to on older ones, slower than in float32."""
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
