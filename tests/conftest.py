"""Shared fixtures: plugins made on the fly, and the registry of what is installed."""

from __future__ import annotations

import gc
import sys
import textwrap
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hypothesis as _hypothesis  # before a freeze, which hides from its plugins who holds what  # noqa: F401
import pytest
import torch

from mtl.core.base.collection import uncollected
from mtl.core.cli.main import run
from mtl.core.discovery.registry import Registry, discover

from .left_behind import visible

torch.set_num_threads(1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector away from twelve thousand tests: it would take a second for each of its rounds."""
    with uncollected(for_good=True):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own cache out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_registry_of_operators() -> Iterator[None]:
    """Build torch's registry of ONNX operators once: a third of an export of a small model is that."""
    from torch.onnx._internal.exporter import _registration

    with pytest.MonkeyPatch.context() as patch:
        registry = _registration.ONNXRegistry
        patch.setattr(registry, "from_torchlib", staticmethod(cache(registry.from_torchlib)))
        gc.freeze()  # as after the collection of the tests: what was imported here lasts as long
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Say which files the tests left in the project or in the current folder; others may work there too."""
    folders = {Path(__file__).parents[1], Path.cwd()}
    before = visible(folders)
    yield
    assert visible(folders) <= before, f"left behind: {sorted(map(str, visible(folders) - before))}"


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The registry of the installed plugins."""
    return discover()


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Install a distribution with one module and an entry point, as pip would; return the module's name."""
    installed: list[str] = []

    def install(distribution: str, source: str, *, version: str = "1.0", entry: str | None = None) -> str:
        module = distribution.replace("-", "_")
        site = tmp_path / f"site-{distribution}"
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[mtl]\n{distribution} = {entry or module}\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)
        installed.append(module)
        return module

    yield install
    for module in installed:
        sys.modules.pop(module, None)


@dataclass(frozen=True)
class Result:
    """What a command left: exit status, stdout, stderr."""

    status: int
    out: str
    err: str


@pytest.fixture
def mtl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run `mtl` with arguments in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Result:
        capsys.readouterr()
        status = run(list(arguments))
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return command
