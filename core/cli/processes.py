"""On which device, and by how many processes, one model is to be trained; refused where that cannot be."""

from __future__ import annotations

import torch

from ..base.cores import available_cores
from ..base.device import choose_device
from ..base.errors import MissingRequirementError, UsageError
from ..base.world import world


def choose_processes(device: str, devices: int | None, *, several: bool) -> tuple[torch.device, int]:
    """Return the device and the number of processes that train one model, of what a command line asks for.

    `several` says that models are trained, not one. Raises `UsageError` for several processes then, and
    `MissingRequirementError` where the device, or one of so many, is not there.
    """
    processes = world() if world() > 1 else devices or 1
    if several and processes > 1:
        raise UsageError(
            "several seeds are several models, and several devices train one model",
            hint="leave --devices out: mtl compose --seeds 8 --executor local --jobs 2 trains two at a time, "
            "each on a device of its own",
        )
    chosen = choose_device(device)
    if processes > world():
        _refuse_too_many(processes, device, chosen)
    return chosen, processes


def _refuse_too_many(count: int, device: str, chosen: torch.device) -> None:
    if ":" in device:
        raise UsageError(
            f"--devices {count} and --device {device}: one names a device, the other counts them",
            hint="leave one of them out; CUDA_VISIBLE_DEVICES says which devices there are",
        )
    there = torch.cuda.device_count() if chosen.type == "cuda" else available_cores()
    if count > there:
        what = "CUDA devices" if chosen.type == "cuda" else "cores"
        raise MissingRequirementError(
            f"--devices {count}: this machine has {there} {what}",
            hint=f"--devices {there} at most; several machines: torchrun",
        )
