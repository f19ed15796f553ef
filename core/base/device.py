"""Choosing where to compute, and noticing that it is too small."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from .cores import driver_version
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
    if device.type == "cuda" and not torch.cuda.is_available():
        raise MissingRequirementError(
            f"device {name!r} is not here: {_why_none()}", hint="use --device cpu, or --device auto"
        )
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        known = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise MissingRequirementError(
            f"device {name!r} is not here: {count} CUDA device{'s' * (count > 1)} found",
            hint=f"use --device {known}, or --device cpu",
        )
    return device


def _why_none() -> str:
    """Return why torch finds no CUDA device: no driver, one that is too old, or a torch without CUDA."""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return f"0 CUDA devices found ({_first_line(error).rstrip('.')})"
    return "0 CUDA devices found"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def refuse_unusable(device: torch.device) -> None:
    """Raise `MissingRequirementError` for a device that is there and cannot be used: another holds it."""
    if device.type != "cuda":
        return
    try:
        torch.cuda.mem_get_info(device)
    except RuntimeError as error:
        raise MissingRequirementError(
            f"device {str(device)!r} cannot be used: {_first_line(error)}",
            hint="another process may hold it for itself (nvidia-smi shows which), or use --device cpu",
        ) from error


def in_use(device: torch.device) -> AbstractContextManager[Any]:
    """Make a CUDA device the current one in a block: what names none, as a plugin's `.cuda()`, goes there."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def device_name(device: torch.device) -> str:
    """Return what people call a device: the card, or the CPU with its threads."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    threads = torch.get_num_threads()
    return f"{device} ({threads} thread{'' if threads == 1 else 's'})"


def accelerator(device: torch.device) -> dict[str, Any] | None:
    """Return what numbers of a CUDA device depend on, as JSON values: card, driver, libraries, TF32.

    `driver` is null where the system does not tell it. None for a CPU.
    """
    if device.type != "cuda":
        return None
    card = torch.cuda.get_device_properties(device)
    return {
        "name": card.name,
        "capability": f"{card.major}.{card.minor}",
        "memory_bytes": card.total_memory,
        "driver": driver_version(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "tf32": {
            "convolutions": torch.backends.cudnn.allow_tf32,
            "matrices": torch.backends.cuda.matmul.allow_tf32,
        },
    }


_RAN_OUT = ("can't allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
"""Words of torch's allocator on a CPU; of the driver, as where a graph is made; of cuBLAS and cuDNN."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on CUDA or on the CPU.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes differ"))
    (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in described(error) for words in _RAN_OUT)


def free_memory(device: torch.device) -> tuple[int, int]:
    """Return how many bytes of a CUDA device's memory are free, and of how many; zeros for a CPU.

    What torch keeps for later is given back first.
    """
    if device.type != "cuda":
        return 0, 0
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(device)
