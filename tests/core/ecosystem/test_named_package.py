"""What may be installed: a name of an index, a wheel, a folder; never an option, an address or mtl itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.ecosystem.named_package import named_package


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My_Plugin", "my-plugin"),
        ("my-plugin==1.0", "my-plugin"),
        ("my.plugin[a,b] >= 1.2, < 2", "my-plugin"),
        ("my-plugin~=1.0.dev1", "my-plugin"),
    ],
)
def test_a_requirement_is_told_as_it_is(text: str, name: str) -> None:
    found = named_package(text)
    assert (found.told, found.name) == (text, name)


@pytest.mark.parametrize(
    "text", ["", "-r", "--index-url=http", "a b", "git+https:x", "a;b", "a@b", "_x", "a=1"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no package"):
        named_package(text)


@pytest.mark.parametrize("text", ["gone.whl", "./gone", "gone.tar.gz"])
def test_a_path_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="there is no file or folder"):
        named_package(text)


@pytest.mark.parametrize("text", ["mtl-composer", "MTL_composer==1.0", "./mtl_composer-1.0-py3-none-any.whl"])
def test_mtl_itself_is_no_plugin(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mtl_composer-1.0-py3-none-any.whl").write_bytes(b"")
    with pytest.raises(UsageError, match="is mtl itself"):
        named_package(text)


def test_a_name_that_is_a_folder_too_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-plugin").mkdir()
    with pytest.raises(UsageError, match=r"may be the folder") as refused:
        named_package("my-plugin")
    assert "./my-plugin or my-plugin>=0" in str(refused.value)
    assert named_package("my-plugin>=0").name == "my-plugin"


def test_a_folder_is_named_by_its_project_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no pyproject\.toml"):
        named_package(str(tmp_path))
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'My_plugin'\n")
    assert named_package(str(tmp_path)).name == "my-plugin"
    (tmp_path / "pyproject.toml").write_text("[build-system]\n")
    assert named_package(str(tmp_path)).name is None
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        named_package(str(tmp_path))
