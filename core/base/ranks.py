"""One model trained by several processes: whose rows are whose, and what is summed over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as distributed
from torch import Tensor

from .device import is_out_of_memory
from .errors import LostRankError, MissingRequirementError, described
from .world import rank, world

Value = TypeVar("Value")


@dataclass(frozen=True)
class Rows:
    """The rows of a batch of `whole` samples that one rank computes.

    Of a batch smaller than the number of ranks some have none: they compute the first row, which is not
    `counted`, since few layers can do with an empty batch.
    """

    place: slice
    whole: int
    counted: bool = True

    @property
    def share(self) -> float:
        """Which part of the batch's samples they are."""
        return self.count / self.whole if self.counted else 0.0

    @property
    def count(self) -> int:
        """How many rows are computed."""
        return int(self.place.stop - self.place.start)


@dataclass(frozen=True)
class Ranks:
    """The processes that train one model together; this one is number `rank`, from 0, of `world`.

    Every method that talks to the others must be called by all, in the same order.
    """

    rank: int = 0
    world: int = 1

    @property
    def alone(self) -> bool:
        """Whether this process trains by itself: nothing is then sent, and nothing copied."""
        return self.world == 1

    @property
    def leads(self) -> bool:
        """Whether this process keeps the run: its folder, its export, its report."""
        return self.rank == 0

    def rows(self, whole: int) -> Rows:
        """Return this rank's rows of a batch of so many samples: all ranks' together are the batch, in order.

        >>> [Ranks(rank, 3).rows(8).place for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        start, stop = whole * self.rank // self.world, whole * (self.rank + 1) // self.world
        return Rows(slice(start, stop), whole) if stop > start else Rows(slice(0, 1), whole, counted=False)

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum over all ranks, the same bits on each, without a graph."""
        if self.alone:
            return tensor.detach()
        summed = tensor.detach().clone(memory_format=torch.contiguous_format)
        with self._heard():
            distributed.all_reduce(summed)
        return summed

    def gathered(self, rows: Rows, own: Tensor) -> Tensor:
        """Return the values of the whole batch `[whole, ...]` from every rank's own rows `[rows, ...]`."""
        if self.alone:
            return own
        places = [Ranks(rank, self.world).rows(rows.whole) for rank in range(self.world)]
        most = max(part.count for part in places)
        padded = own.new_zeros((most, *own.shape[1:]))
        padded[: rows.count] = own.detach()
        parts = [torch.empty_like(padded) for _ in places]
        with self._heard():
            distributed.all_gather(parts, padded)
        return torch.cat([part[: of.count] for part, of in zip(parts, places, strict=True) if of.counted])

    def told(self, value: Value) -> Value:
        """Return what the rank that leads has; anything that can be pickled."""
        if self.alone:
            return value
        held = [value]
        with self._heard():
            distributed.broadcast_object_list(held, src=0)
        return held[0]

    def all_have(self, value: Value) -> list[Value]:
        """Return what every rank has, by rank; anything that can be pickled."""
        if self.alone:
            return [value]
        found: list[Any] = [None] * self.world
        with self._heard():
            distributed.all_gather_object(found, value)
        return found

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Turn what a call to the others raises into words: one of them is gone."""
        try:
            yield
        except RuntimeError as error:
            # In a capture nobody is spoken to: what fails there is the capture.
            if is_out_of_memory(error) or _is_capturing():
                raise
            raise LostRankError(
                f"rank {self.rank} of {self.world} has lost another one: {described(error).splitlines()[0]}",
                hint="epochs that were finished are kept: mtl resume goes on, on any number of devices",
            ) from error


ALONE = Ranks()


def join_ranks(device: torch.device) -> tuple[Ranks, torch.device]:
    """Meet the other processes of this training, if it has others; return who is who, and this one's device.

    On CUDA each process of a machine gets a device of its own. Raises `MissingRequirementError` when they do
    not find one another or there are too few devices.
    """
    if world() == 1:
        return ALONE, device
    ranks = Ranks(rank(), world())
    if device.type == "cuda":
        device = _own_device(int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        raise MissingRequirementError(
            f"rank {ranks.rank} of {ranks.world} cannot meet the others: {described(error).splitlines()[0]}",
            hint="start all of them with torchrun, or on one machine with mtl compose --devices N",
        ) from error
    return ranks, device


def leave_ranks(ranks: Ranks) -> None:
    """Take leave of the others: what follows is done by each for itself."""
    if not ranks.alone:
        distributed.destroy_process_group()


def _is_capturing() -> bool:
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()


def _own_device(place: int) -> torch.device:
    count = torch.cuda.device_count()
    if place >= count:
        raise MissingRequirementError(
            f"{count} CUDA device{'s' * (count != 1)} found, and this is process {place + 1} of this machine",
            hint=f"start {count} of them, or use --device cpu",
        )
    return torch.device("cuda", place)
