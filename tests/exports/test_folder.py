from __future__ import annotations

import hashlib
import io
import os
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mtl.core.base.errors import UsageError, VerificationError
from mtl.exports.bundle.contents import MANIFEST, SAMPLES, Samples, read_manifest
from mtl.exports.folder import SUMS, check_folder, read_sums, unpublished_folder
from mtl.exports.torch_program import refuse_code


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


def test_a_pipe_in_a_published_folder_is_named_and_not_waited_for(tmp_path):
    folder = published(tmp_path / "bundle")
    os.mkfifo(folder / "more")
    with pytest.raises(VerificationError, match="more does not belong to it"):
        check_folder(folder)


def test_a_link_in_a_published_folder_is_named_and_not_followed(tmp_path):
    folder = published(tmp_path / "bundle")
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to("/dev/zero")
    with pytest.raises(VerificationError, match=r"a\.txt was changed"):
        check_folder(folder)


def test_a_published_folder_that_cannot_be_looked_through_is_named(tmp_path, monkeypatch):
    folder = published(tmp_path / "bundle")

    def gone(*_):
        raise FileNotFoundError(2, "No such file or directory", "inner")

    monkeypatch.setattr(os, "scandir", gone)
    with pytest.raises(VerificationError, match="bundle: cannot be read as a published folder: No such file"):
        check_folder(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, "null", '{"bundle": []}', '{"bundle": 1, "models": [3]}'])
def test_a_description_that_is_none_is_refused_by_name(text, tmp_path):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VerificationError, match=rf"{MANIFEST}: cannot be read as a bundle's description"):
        read_manifest(tmp_path)


def test_samples_that_unpack_to_more_than_their_file_are_refused(tmp_path):
    np.savez_compressed(tmp_path / SAMPLES, **{"input/image": np.zeros(100_000, np.float32)})
    with pytest.raises(
        VerificationError, match=rf"{SAMPLES}: cannot be read as the samples of a bundle: .*it is packed"
    ):
        Samples.read(tmp_path)


def test_a_program_that_unpacks_to_more_than_its_file_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/a.json", bytes(1_000_000))
    with pytest.raises(VerificationError, match=r"^model\.pt2 is not a valid export: it is packed"):
        refuse_code(stream.getvalue(), "model.pt2")
