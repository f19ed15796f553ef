"""R15: folders that cannot be written, names that are hard to say, a home that is missing."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .children import Child
from .jobs import flags
from .row import Findings

_NAMES = ("a b", "é日本", "x\ny", "-dash", "a'\"b", "%s{x}", "<b>", "[red]x", "\udcff", "x" * 250, "a" * 300)


@dataclass(frozen=True)
class Place:
    """Where a run is to be left, and the surroundings; `allowed` are the statuses."""

    name: str
    out: str | None
    child: Child = field(default_factory=Child)
    allowed: tuple[int, ...] = (0, 2, 5)


class Places:
    """A tiny training into each place."""

    name = "R15"
    title = "places: odd names, links, files in the way, no home, no cache, a folder that is gone"
    promise = "status 0, 2 or 5 and words, before anything is trained where the place cannot work"
    count = 30

    def run(self, count: int, seed: int, work: Path) -> Findings:
        places = _places(work)
        random.Random(seed).shuffle(places)
        found = Findings()
        for place in places[:count]:
            out = [] if place.out is None else ["--out", place.out]
            done = place.child.mtl("compose", *flags(1), *out)
            found.note(place.name, f"status {done.status}", broken=done.fault(place.allowed))
        return found


def _places(work: Path) -> list[Place]:
    def surrounded(
        name: str, prepare: Callable[[], object] | None = None, **environment: str | None
    ) -> Place:
        child = Child(environment=environment, prepare=prepare)
        return Place(name, str(work / f"out {name}"), child)

    def gone(name: str, out: str | None) -> Place:
        folder = work / f"gone-{name}"
        folder.mkdir()
        return Place(f"working folder gone, {name}", out, Child(folder=folder, prepare=folder.rmdir))

    (work / "target").mkdir()
    (work / "link").symlink_to(work / "target")
    (work / "file").write_text("x")
    nowhere = {"HOME": None, "MTL_CACHE_DIR": None, "XDG_CACHE_HOME": None}
    anonymous = work / "anonymous"
    anonymous.mkdir(mode=0o777)
    anonymous.chmod(0o777)
    work.chmod(0o755)
    found = [Place(f"the name {name[:12]!r}", f"{work}/{name}") for name in _NAMES]
    found += [
        surrounded("no HOME", **nowhere),
        surrounded("no TMPDIR", TMPDIR="/nonexistent"),
        surrounded("cache in a file", MTL_CACHE_DIR="/etc/passwd"),
        surrounded("cache in /proc", MTL_CACHE_DIR="/proc/nope"),
        surrounded("cache with a long name", MTL_CACHE_DIR="a" * 5000),
        Place("a link", str(work / "link"), allowed=(2,)),
        Place("below a link", str(work / "link" / "x"), allowed=(0,)),
        Place("/dev/null", "/dev/null", allowed=(2,)),
        Place("below a file", str(work / "file" / "x"), allowed=(2,)),
        Place("an empty name", "", Child(folder=work), allowed=(2,)),
        Place("/proc", "/proc/x", allowed=(2, 5)),
        gone("no name", None),
        gone("a whole name", str(work / "elsewhere")),
    ]
    if os.geteuid() == 0:
        become = Child(folder=anonymous, environment=nowhere, prepare=lambda: os.setuid(54_321))
        found.append(Place("a user that nobody knows", "x", become))
    return found


ROW = Places()
