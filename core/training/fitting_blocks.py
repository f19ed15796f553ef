"""Takes a block's steps by graphs as long as memory allows: of the whole block, or of some steps each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from ..base.device import free_memory
from .blocks import StepLessons, whole_runs
from .capture import CapturedBlocks, Given, Work
from .step import StepLosses

Restart = Callable[[], None]


@dataclass(frozen=True)
class BlockInParts:
    """How a block is taken in parts: its lessons, made for all of it as ever, then some steps at a time.

    `begin(start, stop)` makes ready for these of the block's steps, and returns what does so again after a
    capture that failed.
    """

    lessons: Callable[[Given], list[StepLessons]]
    steps: Work
    begin: Callable[[int, int], Restart]


class FittingBlocks:
    """Takes blocks by graphs of at most `longest` steps, and of fewer where memory does not hold so many.

    Each time it runs out in a capture, graphs of half as many steps are tried from the next block on, in
    whole runs of `accumulate` batches; where the shortest does not fit, steps are single. Nothing that is
    computed depends on it: random numbers belong to blocks, which stay what they are. `captured` makes what
    captures some work; `tell` gets a line for every try that failed.
    """

    def __init__(
        self,
        captured: Callable[[Work], CapturedBlocks],
        whole: Work,
        parts: BlockInParts,
        device: torch.device,
        longest: int,
        accumulate: int = 1,
        tell: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._captured = captured
        self._parts = parts
        self._device = device
        self._accumulate = accumulate
        self._steps = longest
        self._tell = tell
        self._now = captured(whole)
        self._taken: int | None = None
        self._gave_up: str | None = None

    @property
    def reason(self) -> str | None:
        """Why blocks are worked eagerly, for good; None while nothing speaks against a capture."""
        return self._gave_up or self._now.reason

    @property
    def graphs(self) -> int:
        """How many graphs there are at present."""
        return self._now.graphs

    def __call__(self, given: Given, restart: Restart = lambda: None) -> StepLosses:
        """Train on a block; `restart` seeds its random numbers again, of which a failed capture took some."""
        found = self._now(given, restart) if self._taken is None else self._in_parts(given, self._taken)
        # The error is gone by now, and with it what it held of the capture.
        if self._now.exhausted and self._gave_up is None:
            self._shorten()
        return found

    def begin_epoch(self) -> None:
        """Look whether captured work still holds."""
        self._now.begin_epoch()

    def release(self) -> None:
        """Give back the memory of all graphs."""
        self._now.release()

    def state(self) -> dict[str, int] | None:
        """Return, as JSON, how many steps fit into a graph on this card (0: not one); None: a whole block."""
        if (steps := 0 if self._gave_up else self._taken) is None:
            return None
        return {"graph_steps": steps, "memory_bytes": free_memory(self._device)[1]}

    def restore(self, state: dict[str, int]) -> None:
        """Begin with what was found to fit, where the card has as much memory as the one it was found on."""
        if state["memory_bytes"] != free_memory(self._device)[1]:
            return
        if state["graph_steps"]:
            self._take(state["graph_steps"])
        else:
            self._give_up("as was found before")

    def _in_parts(self, given: Given, steps: int) -> StepLosses:
        lessons = self._parts.lessons(given)
        found = []
        for start in range(0, len(lessons), steps):
            part = lessons[start : start + steps]
            restart = self._parts.begin(start, start + len(part))
            found.append(self._now(part, restart))
        return StepLosses(*(torch.cat(same) for same in zip(*found, strict=True)))

    def _shorten(self) -> None:
        half = self._steps // 2
        if half < self._accumulate:
            self._give_up(self._room())
            return
        less = whole_runs(half, self._accumulate)
        self._tell(
            f"a graph of {self._steps} steps does not fit into memory ({self._room()}): "
            f"graphs of {less} step{'s' * (less > 1)} are tried"
        )
        self._take(less)

    def _take(self, steps: int) -> None:
        self._steps = self._taken = steps
        self._now = self._captured(self._parts.steps)

    def _give_up(self, when: str) -> None:
        shortest = "one step" if self._accumulate == 1 else f"{self._accumulate} steps"
        self._now.release()
        self._gave_up = f"not even a graph of {shortest} fits into memory ({when})"
        self._now.reason = self._gave_up

    def _room(self) -> str:
        free, whole = free_memory(self._device)
        return f"{free / 2**30:.1f} of {whole / 2**30:.1f} GiB were free"


def positions(device: torch.device, generators: Iterable[torch.Generator]) -> Restart:
    """Return what puts generators, and torch's own ones for a device, back to where they are now."""
    layers = [torch.default_generator]
    if device.type == "cuda":
        layers.append(torch.cuda.default_generators[device.index or 0])
    noted = [(generator, generator.get_state()) for generator in (*layers, *generators)]

    def back() -> None:
        for generator, state in noted:
            generator.set_state(state)

    return back
