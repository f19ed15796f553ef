"""A file is written completely or not at all."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from mtl.core.errors import UsageError
from mtl.core.files import reading, write_bytes, write_json


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a" / "x.json"
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
from mtl.core.errors import MtlError
from mtl.core.files import write_bytes
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
