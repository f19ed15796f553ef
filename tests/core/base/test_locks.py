"""A folder has one writer, and a lock ends with its holder."""

from __future__ import annotations

import errno
import gc
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.core.base import locks
from mtl.core.base.errors import UsageError
from mtl.core.base.locks import LOCK, take_lock

HOLDING = """
import sys, time
from pathlib import Path
from mtl.core.base.locks import take_lock
lock = take_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    lock = take_lock(tmp_path)
    who = rf"^another process is at work in .*: process {os.getpid()} on {platform.node()}, since 2\d\d\d-"
    with pytest.raises(UsageError, match=who) as caught:
        take_lock(tmp_path)
    assert caught.value.status == 2
    assert caught.value.hint == "wait for it to end, or choose another folder with --out"
    lock.release()
    assert list(tmp_path.iterdir()) == []
    take_lock(tmp_path).release()


def test_a_lock_ends_with_a_killed_holder(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=rf": process {process.pid} on"):
            take_lock(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        take_lock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_nobody_knows_any_more_is_free(tmp_path: Path) -> None:
    take_lock(tmp_path)
    gc.collect()
    take_lock(tmp_path).release()


def test_a_lock_does_not_stand_in_a_folder_put_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    lock = take_lock(tmp_path / "a")
    assert lock.stands
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").mkdir()
    assert not lock.stands
    other = take_lock(tmp_path / "a")
    lock.release()
    assert other.stands


def test_a_lock_file_removed_just_now_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, calls = locks.fcntl.flock, []

    def removed_meanwhile(descriptor: int, operation: int) -> None:
        flock(descriptor, operation)
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / LOCK).unlink()

    monkeypatch.setattr(locks.fcntl, "flock", removed_meanwhile)
    lock = take_lock(tmp_path)
    assert (len(calls), lock.stands) == (2, True)


def test_without_locks_in_the_file_system_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks.fcntl, "flock", unknown)
    lock = take_lock(tmp_path)
    assert lock.missing is not None
    assert "knows no locks: nothing keeps a second process from writing there" in lock.missing
    lock.release()


def test_a_damaged_lock_file_tells_nothing_and_still_keeps_others_out(tmp_path: Path) -> None:
    held = take_lock(tmp_path)
    (tmp_path / LOCK).write_text("[" * 1000)
    with pytest.raises(UsageError, match=r"another process is at work in \S+\n"):
        take_lock(tmp_path)
    held.release()


@pytest.mark.parametrize("kind", ["link", "hard link", "link to nothing", "pipe", "folder"])
def test_what_is_no_lock_is_refused_and_nothing_is_overwritten(tmp_path: Path, kind: str) -> None:
    folder, victim = tmp_path / "run", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("precious")
    lock = folder / LOCK
    if kind == "hard link":
        lock.hardlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(lock)
    elif kind == "folder":
        lock.mkdir()
    else:
        lock.symlink_to(victim if kind == "link" else tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"run/\.lock is a link or no file") as caught:
        take_lock(folder)
    assert caught.value.hint == "remove it, and repeat"
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nothing").exists()
