"""Several trainings in step: a block of each is one replay of one graph, in which they run side by side.

A small model leaves most of a GPU idle: its kernels run one after another, and each is too small. Here every
training has a branch of its own in a common graph. Trainings run in threads and meet at every block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..base.branches import side_by_side
from ..base.device import in_use
from ..base.nests import tensors_in
from .capture import Capture, CapturedBlocks, Checks, Given, Work, shapes_of
from .cuda_capture import CudaCapture
from .fitting_blocks import FittingBlocks
from .own_layers import OwnLayers
from .step import StepLosses
from .waits import noted_waits

Restart = Callable[[], None]


@dataclass(frozen=True)
class Part:
    """What one training brings: its work, its own way to take blocks, and what its steps change."""

    work: Work
    alone: FittingBlocks
    keepers: tuple[object, ...]
    changes: Callable[[], Sequence[Tensor]]
    generators: Iterable[torch.Generator]
    layers: OwnLayers
    forget: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Ways:
    """How a device takes several trainings at once.

    `capture` records work, given all generators; `beside` does works side by side that read what is given
    with them, as `side_by_side`; `waits` is that of `Checks`. Work is done `at_work`.
    """

    capture: Callable[[Callable[[], Sequence[torch.Generator]]], Capture]
    beside: Callable[[Sequence[Callable[[], StepLosses]], object], list[StepLosses]]
    waits: Callable[[], AbstractContextManager[list[str]]] = lambda: nullcontext([])
    at_work: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass(eq=False)
class Together:
    """The trainings that are still going on; where one graph for all cannot be, they take turns.

    `tell` is called with the reason, once.
    """

    ways: Ways
    tell: Callable[[str], object] = lambda reason: None
    _members: list[Member] = field(default_factory=list)
    _due: dict[Member, tuple[Given, Restart]] = field(default_factory=dict)
    _found: dict[Member, StepLosses | BaseException] = field(default_factory=dict)
    _common: CapturedBlocks | None = None
    _reason: str | None = None
    _begins: bool = False
    _compared: bool = False
    _met: threading.Condition = field(default_factory=threading.Condition)
    _worker: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "mtl together"))
    """One thread works for all: libraries make a handle for each, which a capture could not hold."""

    def join(self, part: Part) -> Member:
        """Return what takes a training's blocks from now on; all must join before the first block."""
        member = Member(part, self)
        self._members.append(member)
        return member

    def take(self, member: Member, given: Given, restart: Restart) -> StepLosses:
        """Take a member's block, once all that go on have theirs ready."""
        with self._met:
            self._due[member] = (given, restart)
            self._take_if_complete()
            self._met.wait_for(lambda: member in self._found)
            found = self._found.pop(member)
        if isinstance(found, BaseException):
            raise found
        return found

    def leave(self, member: Member) -> None:
        """Go on without a member, which is done or has failed."""
        with self._met:
            if member not in self._members:
                return
            self._members.remove(member)
            self._due.pop(member, None)
            # A graph for all holds the memory of the one that left, and would train it on.
            self._forget()
            self._take_if_complete()

    def begin_epoch(self) -> None:
        """Look, before the next block, whether captured work still holds."""
        with self._met:
            self._begins = True

    def _forget(self) -> None:
        if self._common is not None:
            self._common.release()
            self._common = None

    def _take_if_complete(self) -> None:
        if not self._members or set(self._due) != set(self._members):
            return
        due = {member: self._due[member] for member in self._members}
        self._due.clear()
        try:
            self._found.update(self._worker.submit(self._taken, due).result())
        except BaseException as error:
            self._found.update(dict.fromkeys(due, error))
        self._met.notify_all()

    def _taken(self, due: dict[Member, tuple[Given, Restart]]) -> dict[Member, StepLosses]:
        with self.ways.at_work():
            return self._at_work(due)

    def _at_work(self, due: dict[Member, tuple[Given, Restart]]) -> dict[Member, StepLosses]:
        alike = len({shapes_of(given) for given, _ in due.values()}) == 1
        if self._reason is not None or len(due) == 1 or not alike:
            return {member: member.alone(*block) for member, block in due.items()}
        if self._common is None:
            self._common = self._captured(list(due))
        if self._begins:
            self._common.begin_epoch()
            self._begins = False

        def restart() -> None:
            for _, again in due.values():
                again()

        found = self._common(tuple(part for given, _ in due.values() for part in tensors_in(given)), restart)
        if self._common.reason is not None:
            self._reason = self._common.reason
            self._forget()
            self.tell(f"seeds take turns: {self._reason}")
        cut = [part.chunk(len(due), dim=1) for part in found]
        return {member: StepLosses(*parts) for member, *parts in zip(due, *cut, strict=True)}

    def _captured(self, members: Sequence[Member]) -> CapturedBlocks:
        parts = [member.part for member in members]

        def work(given: tuple[Tensor, ...]) -> StepLosses:
            each = len(given) // len(parts)
            own = [given[start : start + each] for start in range(0, len(given), each)]
            works = [partial(_in_place, part, mine) for part, mine in zip(parts, own, strict=True)]
            found = self.ways.beside(works, given)
            return StepLosses(*(torch.cat(same, dim=1) for same in zip(*found, strict=True)))

        def generators() -> list[torch.Generator]:
            own = [part.layers.generator for part in parts if part.layers.generator is not None]
            return [*own, *(one for part in parts for one in part.generators)]

        def changes() -> list[Tensor]:
            return [tensor for part in parts for tensor in part.changes()]

        def forget() -> None:
            for part in parts:
                part.forget()

        # Once is enough: who goes on does what it did before.
        checks = None if self._compared else Checks(self.ways.waits, changes)
        self._compared = True
        keepers = tuple(keeper for part in parts for keeper in part.keepers)
        return CapturedBlocks(work, self.ways.capture(generators), keepers, checks=checks, forget=forget)


class Member:
    """One of the trainings; takes blocks as `CapturedBlocks` does."""

    def __init__(self, part: Part, together: Together) -> None:
        self.part = part
        self._together = together

    @property
    def reason(self) -> str | None:
        """Why its own steps are not captured, where it takes turns."""
        return self.part.alone.reason

    def __call__(self, given: Given, restart: Restart = lambda: None) -> StepLosses:
        return self._together.take(self, given, restart)

    def alone(self, given: Given, restart: Restart) -> StepLosses:
        """Take a block while the others wait."""
        with self.part.layers.in_place():
            return self.part.alone(given, restart)

    def begin_epoch(self) -> None:
        self.part.alone.begin_epoch()
        self._together.begin_epoch()

    def release(self) -> None:
        """Leave the others, and give back the memory of all graphs."""
        self._together.leave(self)
        self.part.alone.release()


def _in_place(part: Part, given: tuple[Tensor, ...]) -> StepLosses:
    """Train on what is a training's own, with its generators in the place of torch's."""
    with part.layers.in_place():
        return part.work(given)


def ways_of(device: torch.device) -> Ways:
    """Return how a CUDA device takes several trainings at once."""
    return Ways(
        lambda generators: CudaCapture(device, _Asked(generators)),
        lambda works, reads: side_by_side(works, device, reads),
        noted_waits,
        lambda: in_use(device),
    )


class _Asked:
    """What a function gives, asked anew each time: generators come up when they are first drawn from."""

    def __init__(self, ask: Callable[[], Sequence[torch.Generator]]) -> None:
        self._ask = ask

    def __iter__(self) -> Iterator[torch.Generator]:
        return iter(self._ask())
