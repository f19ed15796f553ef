"""A place is refused before work begins that could not end there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.base.places import from_root, refuse_unusable


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a" * 246, "its name has 246 bytes, at most 245 are possible"),
        ("\u00e9" * 123, "its name has 246 bytes"),
        ("a" * 300, "its name has 300 bytes"),
        ("a/" * 2000, "its path has 3999 bytes"),
        ("a\udcff", "its name is no text in UTF-8"),
        ("a\0b", "it has a null character"),
        ("file/below", "Not a directory"),
        ("link/below", "Too many levels of symbolic links"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(UsageError) as refused:
        refuse_unusable(Path(name))
    assert reason in refused.value.message
    refused.value.message.encode()


@pytest.mark.parametrize("name", ["a" * 245, "\u00e9", "a b\n'", "new/deeper", "."])
def test_a_place_that_can_be_used_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    refuse_unusable(Path(name))


def test_a_deleted_folder_is_said_to_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for ask in (refuse_unusable, from_root):
        with pytest.raises(UsageError, match="the current folder does not exist any more"):
            ask(Path("a"))
    refuse_unusable(tmp_path / "a")


def test_a_home_folder_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^~nosuchuser/x: no home folder is known for it"):
        from_root(Path("~nosuchuser/x"))


ASCII = "from mtl.core.base.places import *; import sys; refuse_unusable(Path(sys.argv[1]))"


def test_a_name_that_the_locale_cannot_express_is_refused() -> None:
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", ASCII, "\u00e9"], env=plain, capture_output=True, check=False
    )
    assert b"its name is no text in UTF-8, or none that this locale can express" in done.stderr


def test_a_command_in_a_deleted_folder_is_refused_before_torch_dies_of_it(
    mtl: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    result = mtl("compose", "--tasks", "classify", "--dry-run")
    assert (result.status, result.err.splitlines()[0]) == (
        2,
        "error: the current folder does not exist any more",
    )


LONG = [("evaluate",), ("verify",), ("resume",), ("recipes", "copy", "mnist-denoise"), ("plugin", "check")]


@pytest.mark.parametrize("words", LONG)
def test_a_name_that_no_file_has_is_the_users_mistake(mtl: Callable[..., Any], words: tuple[str]) -> None:
    result = mtl(*words, "a" * 5000)
    assert result.status == 2
    assert "File name too long" in result.err
