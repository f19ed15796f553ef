"""Choosing where to compute, and noticing that it is too small."""

from __future__ import annotations

import torch

from .errors import MissingRequirementError, UsageError, described


def choose_device(name: str) -> torch.device:
    """Return the device for `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.

    Raises `MissingRequirementError` when it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}", hint="devices: auto, cpu, cuda, cuda:0") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r} is not supported", hint="devices: auto, cpu, cuda, cuda:0")
    if device.type == "cuda" and (
        not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()
    ):
        raise MissingRequirementError(
            f"device {name!r} is not here: {torch.cuda.device_count()} CUDA devices found",
            hint="use --device cpu, or --device auto",
        )
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on CUDA or on the CPU.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in described(
        error
    )
