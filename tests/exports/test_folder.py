from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from mtl.core.errors import UsageError, VerificationError
from mtl.exports.folder import SUMS, check_folder, read_sums, unpublished_folder


def published(path: Path, text: str = "text") -> Path:
    with unpublished_folder(path) as folder:
        (folder / "a.txt").write_text(text)
        (folder / "inner").mkdir()
        (folder / "inner" / "b.bin").write_bytes(bytes(9))
    return path


def interrupted(path: Path, failure: type[BaseException]) -> None:
    with unpublished_folder(path) as folder:
        (folder / "a.txt").write_text("half")
        raise failure


def names(folder: Path) -> list[str]:
    return sorted(item.relative_to(folder).as_posix() for item in folder.rglob("*"))


def test_a_folder_appears_with_the_sum_of_every_file(tmp_path):
    folder = published(tmp_path / "out" / "bundle")
    assert names(tmp_path / "out") == [
        "bundle",
        "bundle/SHA256SUMS",
        "bundle/a.txt",
        "bundle/inner",
        "bundle/inner/b.bin",
    ]
    assert read_sums(folder) == {
        "a.txt": hashlib.sha256(b"text").hexdigest(),
        "inner/b.bin": hashlib.sha256(bytes(9)).hexdigest(),
    }
    assert check_folder(folder) == read_sums(folder)


def test_the_sums_are_those_of_the_tool_sha256sum(tmp_path):
    folder = published(tmp_path / "bundle")
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "a.txt: OK\ninner/b.bin: OK\n"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(failure, tmp_path):
    with pytest.raises(failure):
        interrupted(tmp_path / "bundle", failure)
    assert names(tmp_path) == []


def test_a_failure_leaves_the_older_folder_as_it_was(tmp_path):
    published(tmp_path / "bundle", "old")
    with pytest.raises(ValueError):
        interrupted(tmp_path / "bundle", ValueError)
    assert [item.name for item in tmp_path.iterdir()] == ["bundle"]
    assert check_folder(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "a.txt").read_text() == "old"


def test_an_older_folder_is_replaced_whole(tmp_path):
    published(tmp_path / "bundle")
    with unpublished_folder(tmp_path / "bundle") as folder:
        (folder / "c.txt").write_text("new")
    assert names(tmp_path) == ["bundle", "bundle/SHA256SUMS", "bundle/c.txt"]


def test_what_was_not_published_is_never_replaced(tmp_path):
    folder = published(tmp_path / "bundle")
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"it holds mine\.txt, which was not exported"):
        published(folder)
    (tmp_path / "notes").mkdir()
    with pytest.raises(UsageError, match="a folder without SHA256SUMS is there"):
        published(tmp_path / "notes")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="it is no folder"):
        published(tmp_path / "file")
    assert (folder / "mine.txt").read_text() == (tmp_path / "file").read_text() == "mine"


def test_every_file_that_is_not_as_it_was_is_named(tmp_path):
    folder = published(tmp_path / "bundle")
    content = bytearray((folder / "inner" / "b.bin").read_bytes())
    content[4] ^= 1
    (folder / "inner" / "b.bin").write_bytes(content)
    (folder / "a.txt").unlink()
    (folder / "more.txt").write_text("")
    with pytest.raises(VerificationError) as caught:
        check_folder(folder)
    assert str(caught.value).endswith(
        "bundle is not as it was published: "
        "a.txt is missing; more.txt does not belong to it; inner/b.bin was changed"
    )


@pytest.mark.parametrize("sums", [None, b"nonsense\n", b"\xff\xfe"])
def test_damaged_sums_are_said_to_be_damaged(sums, tmp_path):
    folder = published(tmp_path / "bundle")
    (folder / SUMS).unlink() if sums is None else (folder / SUMS).write_bytes(sums)
    with pytest.raises(VerificationError, match=SUMS):
        check_folder(folder)
