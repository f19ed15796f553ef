"""A generated package is complete: it passes its own tests as generated."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import mtl
from mtl.core.base.errors import UsageError
from mtl.core.cli.main import run
from mtl.core.contracts.hookspecs import API
from mtl.core.contracts.records import KINDS
from mtl.core.discovery.plugin_loading import HOME
from mtl.core.scaffold import package_files, write_package


def installed(folder: Path, site: Path) -> dict[str, str]:
    """Return an environment in which the package in a folder is installed."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = ["[mtl]", *(f"{key} = {value}" for key, value in project["entry-points"]["mtl"].items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    package = str(Path(mtl.__file__).parents[1])
    path = os.pathsep.join([str(site), str(folder), package])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def test_a_package_of_all_kinds_passes_its_own_tests(tmp_path: Path) -> None:
    write_package("my-things", KINDS, tmp_path)
    folder = tmp_path / "my-things"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env=installed(folder, tmp_path / "site"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "failed" not in done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 80


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_of_one_kind_has_a_component_of_that_kind(kind: str) -> None:
    files = package_files("tiny", [kind])
    assert f"tiny/{'recipe.yaml' if kind == 'recipe' else f'{kind}.py'}" in files
    hooks = files["tiny/__init__.py"]
    assert f'"tiny-{kind}"' in hooks
    assert f"mtl_api = {API}" in hooks
    for file, text in files.items():
        assert "$" not in text.replace("${{ matrix.python }}", ""), file
        assert text.endswith("\n"), file
        assert not text.endswith("\n\n"), file
        if file.endswith(".py"):
            compile(text, file, "exec")


def test_the_project_file_declares_the_plugin() -> None:
    content = tomllib.loads(package_files("my-plugin", ["encoder"])["pyproject.toml"])
    assert content["project"]["entry-points"]["mtl"] == {"my-plugin": "my_plugin"}
    assert content["project"]["dependencies"] == [HOME]
    assert content["tool"]["setuptools"]["packages"] == ["my_plugin"]


def test_workflows_test_each_python_and_publish_without_a_password() -> None:
    files = package_files("my-plugin", ["encoder"])
    workflows = {
        path.removeprefix(".github/workflows/"): YAML(typ="safe").load(text)
        for path, text in files.items()
        if path.startswith(".github/workflows/")
    }
    assert set(workflows) == {"test.yml", "publish.yml"}
    test, publish = workflows["test.yml"]["jobs"]["test"], workflows["publish.yml"]["jobs"]["publish"]
    assert test["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert [step["run"] for step in test["steps"] if "run" in step] == [
        "python -m pip install '.[test]'",
        "python -m pytest",
    ]
    assert test["steps"][1]["with"] == {"python-version": "${{ matrix.python }}"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["steps"][-1] == {"uses": "pypa/gh-action-pypi-publish@release/v1"}


def test_the_readme_has_three_commands() -> None:
    readme = package_files("my-plugin", ["encoder", "task"])["README.md"]
    commands = readme.split("```sh\n")[1].split("```")[0].splitlines()
    assert commands == [
        "pip install '.[test]'",
        "python -m pytest",
        "mtl compose --tasks my-plugin-task --encoder my-plugin-encoder --epochs 3",
    ]


def test_without_a_task_the_readme_shows_a_component() -> None:
    assert "mtl show loss my-plugin-loss\n" in package_files("my-plugin", ["loss"])["README.md"]


def test_a_recipe_brings_a_task_along(tmp_path: Path) -> None:
    names = {path.name for path in write_package("quick-one", ["recipe"], tmp_path)}
    assert {"recipe.yaml", "task.py"} <= names


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "my-plugin").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        write_package("my-plugin", ["encoder"], tmp_path)
    assert list(tmp_path.rglob("*")) == [tmp_path / "my-plugin"]


@pytest.mark.parametrize("name", ["My-Plugin", "my_plugin", "-x", "a--b", "3d", "a/b", "..", "", "a b"])
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a plugin's name"):
        write_package(name, ["encoder"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["json", "torch", "mtl", "class"])
def test_a_name_that_python_knows_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"such as my-{name}"):
        write_package(name, ["encoder"], tmp_path)


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'encoder'"):
        write_package("my-plugin", ["encodr"], tmp_path)
    with pytest.raises(UsageError, match="no kind is given"):
        write_package("my-plugin", [], tmp_path)


def test_a_missing_parent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        write_package("my-plugin", ["encoder"], tmp_path / "none")


def test_the_command_writes_and_names_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plugin", "new", "my-plugin", "--kind", "encoder, loss"]) == 0
    captured = capsys.readouterr()
    told = {Path(line) for line in captured.out.splitlines()}
    assert told == {
        path.relative_to(tmp_path) for path in (tmp_path / "my-plugin").rglob("*") if path.is_file()
    }
    assert "pip install -e" in captured.err
    assert run(["plugin", "new", "my-plugin"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["plugin", "new", "other-plugin", "--kind", "los"]) == 2
    assert "did you mean 'loss'?" in capsys.readouterr().err
