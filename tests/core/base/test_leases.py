"""Claims: one holder at a time, who is believed while he is heard of, whatever any clock says."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.base.leases import Lease, Watch, claim

LONG = 3600.0


def taken(place: Path, *, abandoned: int = -1, beat: float = LONG) -> Lease:
    lease = claim(place, "here", abandoned=abandoned, beat=beat)
    assert lease is not None
    return lease


def silent_elsewhere(place: Path) -> None:
    """Leave a claim as a holder on another machine does that was just switched off."""
    lease = taken(place)
    said = lease.path.read_text()
    lease.leave()
    lease.path.write_text(said.replace('"boot": "', '"boot": "another-'))


def test_of_many_who_claim_at_once_one_gets_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: claim(tmp_path / "cell", str(number)), range(8)))
    (lease,) = [lease for lease in found if lease is not None]
    assert Watch().free(tmp_path / "cell") is None
    lease.finish()
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_can_be_claimed_again(tmp_path: Path) -> None:
    first = taken(tmp_path / "cell")
    assert claim(tmp_path / "cell", "there") is None
    assert Watch().holder(tmp_path / "cell") == "here"
    first.leave()
    assert Watch().holder(tmp_path / "cell") is None
    assert Watch().free(tmp_path / "cell") == 0
    second = taken(tmp_path / "cell")
    assert first.lost
    assert not second.lost
    second.finish()


def test_who_died_on_this_machine_holds_nothing(tmp_path: Path) -> None:
    lease = taken(tmp_path / "cell")
    os.close(lease._descriptor)  # as the kernel does when a process ends
    assert Watch().free(tmp_path / "cell") == 0
    taken(tmp_path / "cell").finish()
    lease._descriptor = os.open(os.devnull, os.O_WRONLY)
    lease.leave()


def test_who_is_not_heard_of_any_more_is_taken_over_once(tmp_path: Path) -> None:
    place = tmp_path / "cell"
    silent_elsewhere(place)
    watch = Watch(patience=0.05)
    assert watch.free(place) is None
    assert claim(place, "there") is None  # who has not waited does not know
    time.sleep(0.06)
    assert watch.free(place) == 0
    lease = taken(place, abandoned=0)
    assert claim(place, "there", abandoned=0) is None
    lease.finish()


@pytest.mark.parametrize("clock", [0.0, 4e9])
def test_the_clock_of_a_holder_does_not_matter(tmp_path: Path, clock: float) -> None:
    """One in 1970 is not too old, one in 2096 not too new: who waits counts by his own clock."""
    place = tmp_path / "cell"
    silent_elsewhere(place)
    path = tmp_path / "cell.claim-0"
    os.utime(path, (clock, clock))
    watch = Watch(patience=0.05)
    assert watch.free(place) is None
    time.sleep(0.06)
    path.write_text(path.read_text().replace('"beats": 0', '"beats": 1'))  # he lives
    os.utime(path, (clock, clock))
    assert watch.free(place) is None
    time.sleep(0.06)
    assert watch.free(place) == 0


def test_signs_of_life_come_by_themselves(tmp_path: Path) -> None:
    lease = taken(tmp_path / "cell", beat=0.01)
    before = lease.path.read_text()
    deadline = time.monotonic() + 5
    while lease.path.read_text() == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lease.path.read_text() != before
    lease.leave()


def test_a_half_written_claim_is_believed_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "cell.claim-0").write_text('{"state": "le')
    watch = Watch(patience=0.05)
    assert watch.free(tmp_path / "cell") is None
    time.sleep(0.06)
    assert watch.free(tmp_path / "cell") == 0


def test_a_claim_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        claim(tmp_path / "missing" / "cell", "here")
