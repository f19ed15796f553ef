"""Takes the steps of a block: one by one, or on CUDA as one replay of a captured graph.

A small model's step is hundreds of kernels of a few microseconds; launching them takes longer than running
them. A graph is captured for every size of a block that comes up (an epoch has two: full ones and the last)
and replayed with other sample indices, random numbers and learning rate, which all lie on the device.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..base.device import is_out_of_memory
from ..base.errors import MtlError
from ..base.frames import line_outside_torch
from ..base.nests import changed, tensors_in
from .blocks import StepLessons
from .feed import Sent
from .python_state import python_state
from .step import StepLosses

Given = Tensor | Sent | list[StepLessons]
"""What a block is made of: the samples at indices `[N]`, they themselves, or its steps' lessons."""

Shapes = tuple[torch.Size, ...]

Work = Callable[[Any], StepLosses]
"""Trains on what is `Given`; gives every step's losses, balanced losses and counts, `[K, T]`."""

Capture = Callable[[Callable[[], StepLosses]], Callable[[], StepLosses]]
"""Records work without doing it, and returns what does it: every call works on the same memory."""

AGREEMENT = 1e-2
"""How far, relatively, a replayed loss of a block may be from that of single steps.

Single steps differ among themselves where a device adds in any order, by far less within one block; noise
that stays the same or a counter that stands still differ by more.
"""


@dataclass(frozen=True)
class Against:
    """What speaks against a capture; `exhausted`: memory ran out, and shorter blocks may do."""

    reason: str
    exhausted: bool = False


Agree = Callable[[Against | None], Against | None]
"""Is called by all processes of a training at the same blocks, with what each has against a capture.

Returns what one of them has, the same to all.
"""


@dataclass(frozen=True)
class Checks:
    """What is looked at, once in a training, before replays are trusted.

    `waits` is a block that gives the lines at which work waits for the device (`noted_waits`). `changes`
    gives every tensor that a step changes, so that a block can be taken twice: replayed, and one by one.
    """

    waits: Callable[[], AbstractContextManager[list[str]]] = lambda: nullcontext([])
    changes: Callable[[], Iterable[Tensor]] | None = None


class CapturedBlocks:
    """Does `work` by replaying it, where it can be captured.

    The first block of a size is worked eagerly: whatever is made once, is made then. The second is captured;
    the very first time the `checks` want to see one more block before. `reason` says why blocks are worked
    eagerly, for good; it is None while nothing speaks against a capture. `exhausted`: memory ran out in one.
    `keepers` are the components that may keep state: what a step changes must be in tensors, in place, since
    a replay runs no Python. `forget` drops what steps left that did not come to their end. With `agree` other
    processes have their share of the same blocks: all replay a block, or none.
    """

    def __init__(
        self,
        work: Work,
        capture: Capture,
        keepers: Iterable[object],
        reason: str | None = None,
        checks: Checks | None = None,
        forget: Callable[[], object] = lambda: None,
        agree: Agree | None = None,
    ) -> None:
        self._alone = agree is None
        self._agreed: Agree = agree or (lambda own: own)
        self._work = work
        self._capture = capture
        self._forget = forget
        self._keepers = tuple(keepers)
        self._replays: dict[Shapes, tuple[Given, Callable[[], StepLosses]]] = {}
        self._met: set[Shapes] = set()
        self._state: list[Any] | None = None
        self._checks = checks
        self._looked = checks is None
        self._replayed = 0
        self.reason = reason
        self.exhausted = False

    def __call__(self, given: Given, restart: Callable[[], None] = lambda: None) -> StepLosses:
        """Train on a block; `restart` seeds its random numbers again, of which a failed capture took some."""
        shapes = shapes_of(given)
        due = self.reason is None and shapes in self._met and shapes not in self._replays
        if due and not self._looked:
            return self._watched(given)
        if due and not self._try_to_capture(given, restart):
            self._forget()
            restart()
        if shapes in self._replays:
            return self._replay(given, restart)
        self._met.add(shapes)
        return self._work(given)

    @property
    def graphs(self) -> int:
        """How many graphs there are at present."""
        return len(self._replays)

    def begin_epoch(self) -> None:
        """Drop captured work that reads memory which was replaced between two epochs, by a balancer say."""
        if self._state is None:
            return
        state = python_state(self._keepers)
        replaced = Against("memory was replaced") if state != self._state else None
        if self._agreed(replaced) is not None:
            self._replays.clear()
            self._state = state

    def release(self) -> None:
        """Give back the memory of all graphs; blocks that follow are captured anew."""
        self._replays.clear()

    def _watched(self, given: Given) -> StepLosses:
        """Work eagerly once more, looking for what a graph could not hold: a broken capture costs more."""
        assert self._checks is not None
        self._looked = True
        with self._checks.waits() as waits:
            found = self._work(given)
        own = Against(f"a step waits for the device at {_listed(waits)}") if waits else None
        if (against := self._agreed(own)) is not None:
            self.reason = against.reason
        return found

    def _try_to_capture(self, given: Given, restart: Callable[[], None]) -> bool:
        """Capture, or give a reason why not; return whether it was captured."""
        static: Given = changed(given, Tensor.clone)
        before = python_state(self._keepers)
        found = self._recorded(static, restart)
        if not isinstance(found, Against) and before != python_state(self._keepers):
            found = Against("a step changes a Python attribute, which a replay would not")
        against = self._agreed(found if isinstance(found, Against) else None)
        if against is not None or isinstance(found, Against):
            assert against is not None
            self.reason, self.exhausted = against.reason, against.exhausted
            self._replays.clear()
            return False
        self._state = before
        self._replays[shapes_of(given)] = (static, found)
        return True

    def _recorded(self, static: Given, restart: Callable[[], None]) -> Callable[[], StepLosses] | Against:
        try:
            return self._captured(static, restart)
        except MtlError:
            raise
        except Exception as error:
            # Whatever a plugin's component does that a graph cannot hold ends here, and is told.
            return Against(f"a step cannot be captured: {causes(error)}", _ran_out(error))

    def _captured(self, static: Given, restart: Callable[[], None]) -> Callable[[], StepLosses]:
        try:
            return self._capture(lambda: self._work(static))
        except Exception as error:
            # Other processes would not drop theirs.
            if not (_ran_out(error) and self._replays and self._alone):
                raise
        # Without the graphs of other sizes there may be room; theirs are made again when they come up.
        self._replays.clear()
        self._forget()
        restart()
        return self._capture(lambda: self._work(static))

    def _replay(self, given: Given, restart: Callable[[], None]) -> StepLosses:
        static, replay = self._replays[shapes_of(given)]
        _copy(static, given)
        self._replayed += 1
        # Not the first replay: what stands still in Python stood there when it was captured.
        if self._replayed == 2 and self._checks is not None and self._checks.changes is not None:
            return self._compared(given, replay, list(self._checks.changes()), restart)
        # The next replay overwrites what this one returns.
        return StepLosses(*(part.clone() for part in replay()))

    def _compared(
        self,
        given: Given,
        replay: Callable[[], StepLosses],
        changes: Sequence[Tensor],
        restart: Callable[[], None],
    ) -> StepLosses:
        """Take a block by replay and again one by one, which counts; if they differ, stay with the latter."""
        # In the host's memory: on the device there may be room for a step, and not for a copy of everything.
        before = [tensor.detach().to("cpu", copy=True) for tensor in changes]

        def rewind() -> None:
            for tensor, value in zip(changes, before, strict=True):
                tensor.detach().copy_(value)
            restart()

        replayed = StepLosses(*(part.clone() for part in replay()))
        rewind()
        try:
            single = self._work(given)
        except (RuntimeError, MemoryError) as error:
            if not (is_out_of_memory(error) and self._alone):
                raise
            # Graphs hold what single steps had before them: no comparison, but the training goes on.
            self._forget()
            rewind()
            return StepLosses(*(part.clone() for part in replay()))
        if (against := self._agreed(_difference(replayed.losses, single.losses))) is not None:
            self.reason = against.reason
            self._replays.clear()
        return single


def _difference(replayed: Tensor, single: Tensor) -> Against | None:
    """Return where losses of a replay are not those of single steps, None where they agree."""
    if torch.allclose(replayed, single, rtol=AGREEMENT, atol=1e-6, equal_nan=True):
        return None
    furthest = int((replayed - single).abs().nan_to_num(nan=torch.inf).argmax())
    step, task = divmod(furthest, single.shape[1])
    return Against(
        f"a replay is not what single steps are: loss {task + 1} of step {step + 1} of a block is "
        f"{float(replayed[step, task]):.6g} instead of {float(single[step, task]):.6g}"
    )


def shapes_of(given: Given) -> Shapes:
    """Return the shapes of all tensors that a block is made of: blocks that share them share a graph."""
    return tuple(part.shape for part in tensors_in(given))


def _copy(static: Given, given: Given) -> None:
    for target, part in zip(tensors_in(static), tensors_in(given), strict=True):
        target.copy_(part)


def _ran_out(error: BaseException) -> bool:
    """Return whether memory ran out: it may have broken the capture, whose end then says something else."""
    return any(is_out_of_memory(failure) for failure in _chain(error))


def causes(error: BaseException) -> str:
    """Return in one line what went wrong first, where, and what that led to.

    Ending a broken capture fails too, and says less than what broke it. Notes on an error are what came
    before it.
    """
    chain = list(_chain(error))
    first = chain[0]
    where = line_outside_torch(traceback.extract_tb(first.__traceback__), (__file__,))
    told = [line for failure in chain for line in (*getattr(failure, "__notes__", ()), _line(failure))]
    told = list(dict.fromkeys(told))
    return "; then: ".join([f"{told[0]} (at {where})" if where != "?" else told[0], *told[1:]])


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that led to one, the first one first."""
    found = [error]
    while (before := found[-1].__cause__ or found[-1].__context__) is not None and before not in found:
        found.append(before)
    yield from reversed(found)


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]


def _listed(lines: Sequence[str]) -> str:
    """Return the first places, each once."""
    places = list(dict.fromkeys(lines))
    return ", ".join(places[:3]) + (f" and {len(places) - 3} more places" if len(places) > 3 else "")
