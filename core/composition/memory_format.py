"""How images and kernels lie in memory in training: decided by a rule over the model, not by a clock."""

from __future__ import annotations

import torch
from torch import nn

from ..base.errors import UsageError

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
_BLOCK = 16
"""Channels that torch's vectorised convolutions take at once."""


def prefers_channels_last(model: nn.Module) -> bool:
    """Return whether training stores the channels innermost: where it is usually faster, and safe.

    Convolutions are, on CPUs and on CUDA. A model without them has nothing to gain; one with kernels of its
    own (four-dimensional parameters that belong to no convolution of torch) or with a convolution that is
    `unsafe` stays with the usual format. The rule looks at nothing but the model, so a recipe and a seed are
    one result on every machine.
    """
    owners = [module for module in model.modules() if _has_kernel(module)]
    return (
        bool(owners)
        and all(isinstance(owner, _CONVOLUTIONS) for owner in owners)
        and unsafe_convolution(model) is None
    )


def unsafe_convolution(model: nn.Module) -> str | None:
    """Return the first convolution that must not run with the channels innermost on a CPU, None: all may.

    The backward pass of torch's strided 1x1 convolution works on blocks of 16 channels and writes beyond its
    memory where the channels fill none: seen with 4, 8 and 12 channels at 64 and 112 pixels (torch 2.14.1,
    AVX512), which ends the process or spoils other numbers.
    """
    for name, module in model.named_modules():
        if not isinstance(module, _CONVOLUTIONS):
            continue
        strided = max(module.stride) > 1 and 1 in module.kernel_size
        if strided and (module.in_channels % _BLOCK or module.out_channels % _BLOCK):
            return f"{name} ({module.in_channels} -> {module.out_channels} channels)"
    return None


def refuse_unsafe(model: nn.Module, channels_last: bool | None, device: torch.device) -> None:
    """Raise `UsageError` when a recipe asks for a format that could end the process on this device."""
    convolution = unsafe_convolution(model)
    if channels_last and device.type == "cpu" and convolution is not None:
        raise UsageError(
            f"train.channels_last: true cannot be used on a CPU with the strided 1x1 convolution "
            f"{convolution}: torch writes beyond its memory there",
            hint="leave train.channels_last out, or choose numbers of channels that 16 divides",
        )


def memory_format(channels_last: bool | None) -> torch.memory_format:
    """Return torch's name of the format."""
    return torch.channels_last if channels_last else torch.contiguous_format


def _has_kernel(module: nn.Module) -> bool:
    return any(parameter.dim() == 4 for parameter in module.parameters(recurse=False))
