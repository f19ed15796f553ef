"""The models of a server: opened, answered from, replaced while they answer, and taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ...core.base.errors import MtlError, described
from .changes import change
from .place import REFUSED, WITHDRAWN, Place, stamp_of
from .refusal import Refusal
from .served_model import ServedModel
from .sources import Source

_TURN = 0.05
"""Seconds between two looks at who still uses a model that was replaced."""
_LOOK = 1.0
"""Seconds between two looks at the files that are watched."""

Opening = Callable[[str, Path], ServedModel]


class Shelf:
    """Models by name. `find` says which there are, `opening` opens one, `tell` gets a line on what happens.

    A new file takes the place of the old one only when it has been read, verified and tried, and answers the
    clients of the old one; until then, and when it does not, the old one goes on answering. After `fill` all
    is used from one event loop.
    """

    def __init__(
        self, find: Callable[[], Mapping[str, Source]], opening: Opening, tell: Callable[[str], None]
    ) -> None:
        self._find = find
        self._opening = opening
        self._tell = tell
        self._places: dict[str, Place] = {}
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble = ""

    @classmethod
    def of(cls, models: Mapping[str, ServedModel]) -> Shelf:
        """Return a shelf of models that are open already and stay as they are."""
        shelf = cls(dict, _unopened, print)
        shelf._places = {name: Place(name, Path(name), model) for name, model in models.items()}
        return shelf

    @property
    def names(self) -> list[str]:
        """The names of all models, ready or not."""
        return list(self._places)

    @property
    def ready(self) -> bool:
        """Whether any model answers."""
        return any(place.model for place in self._places.values())

    def place(self, name: str) -> Place | None:
        """Return where a model stands, None for a name that there is not."""
        return self._places.get(name)

    def places(self) -> list[Place]:
        """Return where all models stand, ready or not."""
        return list(self._places.values())

    def index(self) -> list[dict[str, Any]]:
        """Return a row for every model."""
        return [place.row() for place in self._places.values()]

    def fill(self) -> None:
        """Open every model; one of a folder that cannot be is told and left out.

        Raises what a file that was named itself raises, and the first such error when none is left.
        """
        first: MtlError | None = None
        for name, source in self._find().items():
            place = self._places[name] = Place(name, source.path, stamp=stamp_of(source.path))
            try:
                place.model = self._opening(name, source.path)
            except MtlError as error:
                if not source.found:
                    raise
                first = first or error
                place.reason = REFUSED
                self._tell(f"not served: {name}: {error}")
        if first and not self.ready:
            raise first

    def close(self) -> None:
        """Close every model, once nothing is answered any more."""
        for place in self._places.values():
            for model in {*place.used, *([place.model] if place.model else [])}:
                model.close()

    def begin(self, watch: bool) -> Callable[[], None]:
        """Begin to look at the files every second, if `watch`, and return what has them looked at once.

        That may be called from a handler of signals.
        """
        loop = asyncio.get_running_loop()
        if watch:
            self._in_background(self._watch())

        def refresh() -> None:
            loop.call_soon_threadsafe(lambda: self._in_background(self.refresh()))

        return refresh

    async def refresh(self, *, settled: bool = False) -> None:
        """Look for files that are new or have changed, and open them.

        With `settled` only those that are as they were at the last look: others may still be being written.
        """
        async with self._changing:
            if not await self._look():
                return
            changed = [place for place in self._places.values() if self._has_changed(place, settled)]
            for place in changed:
                await self._renew(place)
            if not (changed or settled):
                self._tell("nothing to reload: no file has changed")

    async def load(self, name: str) -> None:
        """Open the file of a model, again if it is open; raise `Refusal` when that fails."""
        async with self._changing:
            if name not in self._places:
                await self._look()
            place = self._places.get(name)
            if place is None:
                raise Refusal(f"there is no model {name[:100]!r} where this server looks for models", 404)
            place.withdrawn = False
            place.stamp = await asyncio.to_thread(stamp_of, place.path)
            if not await self._renew(place):
                raise Refusal(f"model {name!r} was not loaded: {place.reason}")

    async def unload(self, name: str) -> None:
        """Take a model away until it is loaded again; those who wait for it are answered."""
        async with self._changing:
            place = self._places.get(name)
            if place is None:
                raise Refusal(f"there is no model {name[:100]!r}", 404)
            old, place.model = place.model, None
            place.withdrawn, place.reason = True, WITHDRAWN
            if old is not None:
                self._tell(f"unloaded: {name}")
                self._in_background(_retire(place, old))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            await self.refresh(settled=True)

    async def _look(self) -> bool:
        """Find places for new files; say whether that could be done."""
        try:
            found = await asyncio.to_thread(self._find)
        except (MtlError, OSError) as error:
            if str(error) != self._trouble:
                self._tell(f"not reloaded: {error}")
            self._trouble = str(error)
            return False
        self._trouble = ""
        for name, source in found.items():
            place = self._places.setdefault(name, Place(name, source.path, reason=REFUSED))
            place.path = source.path
        return True

    def _has_changed(self, place: Place, settled: bool) -> bool:
        now = stamp_of(place.path)
        before, place.pending = place.pending, now
        if place.withdrawn or now == place.stamp or (settled and now != before):
            return False
        place.stamp = now
        return True

    async def _renew(self, place: Place) -> bool:
        """Open the file of a place and let it answer from now on; or tell why not, and return False."""
        old = place.model
        try:
            new = await asyncio.to_thread(self._opening, place.name, place.path)
        except Exception as error:  # whatever a new file makes of its reader, the server goes on
            self._refuse(place, str(error) if isinstance(error, MtlError) else described(error), REFUSED)
            return False
        if old is not None and (other := change(old, new)) is not None:
            await asyncio.to_thread(new.close)
            self._refuse(place, f"{other}\n  hint: start the server again to serve it", f"{other}")
            return False
        place.model, place.reason = new, ""
        self._tell(f"{'reloaded' if old else 'served'}: {place.name}: {place.path}")
        if old is not None:
            self._in_background(_retire(place, old))
        return True

    def _refuse(self, place: Place, why: str, reason: str) -> None:
        place.reason = reason
        if place.model is None:
            self._tell(f"not served: {place.name}: {why}")
        else:
            place.reason += "; the one before goes on answering"
            self._tell(f"not reloaded: {place.name}, the file before goes on answering: {why}")

    def _in_background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _retire(place: Place, model: ServedModel) -> None:
    """Close a model when its last request is answered."""
    while model in place.used:
        await asyncio.sleep(_TURN)
    await asyncio.to_thread(model.close)


def _unopened(name: str, path: Path) -> ServedModel:
    raise RuntimeError(f"{name} is no file")
