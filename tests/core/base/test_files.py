"""A file is written completely or not at all."""

from __future__ import annotations

import errno
import os
import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.core.base import files
from mtl.core.base.errors import MissingRequirementError, MtlError, UsageError, VerificationError
from mtl.core.base.files import (
    partial,
    read_bytes,
    reading,
    remove,
    sweep,
    write_bytes,
    write_json,
    write_new,
    write_text,
)


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert path.read_text() == '{\n  "a": 2\n}\n'
    assert [entry.name for entry in path.parent.iterdir()] == ["x.json"]


def test_json_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", float("nan"))
    assert not (tmp_path / "x.json").exists()


FULL = """
import sys
from pathlib import Path
from mtl.core.base.errors import MtlError
from mtl.core.base.files import write_bytes
path = Path(sys.argv[1])
write_bytes(path, b"old")
try:
    write_bytes(path, b"x" * 100_000)
except MtlError as error:
    print(error.status, error.message)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert done.stdout == f"5 the disk is full: cannot write {path}\n"
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.bin"]


def test_bytes_are_written_as_given(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"\x00\xff")
    assert (tmp_path / "x").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize("problem", [KeyError("x"), RecursionError(), MemoryError(), struct.error("short")])
def test_whatever_a_parser_raises_names_the_file(problem: Exception) -> None:
    expected = pytest.raises(UsageError, match=r"^runs/a: cannot be read as a log: ")
    with expected as refused, reading("runs/a", "a log", hint="remove it"):
        raise problem
    assert refused.value.hint == "remove it"


def test_a_refusal_passes_the_boundary_as_it_is() -> None:
    with pytest.raises(UsageError, match=r"^already clear$"), reading("a", "a log", hint="remove it"):
        raise UsageError("already clear")


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_bytes(path, "an image", hint="remove it", most=10)
    assert caught.value.hint == "remove it"
    return caught.value.message.removeprefix(f"{path}: ")


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == "is a pipe, expected an image"


def test_a_device_is_refused_also_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/zero")
    assert refused(tmp_path / "link") == refused(Path("/dev/zero")) == "is a device, expected an image"


def test_a_socket_a_folder_and_nothing_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind("door")
        assert refused(Path("door")).startswith("cannot be read as an image: ")
    assert refused(tmp_path) == "cannot be read as an image: Is a directory"
    assert refused(tmp_path / "none") == "cannot be read as an image: No such file or directory"


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    assert refused(Path(name)).startswith("cannot be read as an image: ")


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert read_bytes(tmp_path / "a", "an image", hint="", most=10) == b"0123456789"
    (tmp_path / "a").write_bytes(b"0123456789A")
    assert refused(tmp_path / "a") == "more than 10 bytes, too many for an image"


def test_a_folder_that_was_taken_away_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the folder .* does not exist"):
        write_bytes(tmp_path / "gone" / "x", b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EIO, UsageError), (errno.ENOSPC, MissingRequirementError), (errno.EINVAL, None)],
)
def test_a_folder_that_cannot_be_forced_to_the_disk_has_its_status(
    number: int, kind: type[MtlError] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", fsync)
    if kind is None:  # a file system that cannot do it at all
        write_bytes(tmp_path / "x", b"new")
    else:
        with pytest.raises(kind, match=r"cannot write .*/x") as caught:
            write_bytes(tmp_path / "x", b"new")
        assert caught.value.status == (2 if kind is UsageError else 5)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_an_unfinished_file_that_cannot_be_removed_hides_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **named: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files.Path, "replace", fail)
    monkeypatch.setattr(files.Path, "unlink", fail)
    with pytest.raises(UsageError, match=r"cannot write .*/x: Input/output error"):
        write_bytes(tmp_path / "x", b"new")


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    partial(tmp_path / "x").write_bytes(b"half")
    (tmp_path / ".cell.partial").mkdir()
    (tmp_path / "x.partial").write_bytes(b"somebody's own")
    assert sweep(tmp_path) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.partial"]


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files.Path, "unlink", fail)
    told = remove(tmp_path / "x")
    assert told == f"{tmp_path / 'x'} is of no use any more and cannot be removed: Input/output error"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    write_bytes(tmp_path / ("x" * 255), b"new")
    assert [len(entry.name) for entry in tmp_path.iterdir()] == [255]


def test_text_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    # As Python decodes the bytes of a name in UTF-8 where the locale knows ASCII only.
    write_text(tmp_path / "x", "ä" + "é".encode().decode("ascii", "surrogateescape"))
    assert (tmp_path / "x").read_bytes() == "äé".encode()


def test_a_link_under_the_name_of_an_unfinished_file_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    partial(tmp_path / "x").symlink_to(victim)
    write_bytes(tmp_path / "x", b"new")
    assert (victim.read_bytes(), (tmp_path / "x").read_bytes()) == (b"precious", b"new")
    assert not (tmp_path / "x").is_symlink()


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(UsageError, match=r"cannot write .*/x: it is a pipe"):
        write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "x").is_fifo()


def test_more_bytes_than_expected_and_a_size_that_is_untrue_are_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", "a note", hint="", most=5) == b"12345"
    with pytest.raises(VerificationError, match="x: more than 4 bytes, too many for a note"):
        read_bytes(tmp_path / "x", "a note", hint="", most=4, error=VerificationError)
    # The kernel's own files say that they are empty.
    stated = Path("/proc/self/status")
    if stated.exists():
        assert b"Name:" in read_bytes(stated, "a state", hint="", most=1 << 20)
        with pytest.raises(UsageError, match="more than 10 bytes"):
            read_bytes(stated, "a state", hint="", most=10)


@pytest.mark.parametrize("links", [True, False])
def test_of_two_who_write_a_new_file_the_first_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def no_links(*paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    assert write_new(tmp_path / "mark", b"first")
    assert not write_new(tmp_path / "mark", b"second")
    assert (tmp_path / "mark").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]
