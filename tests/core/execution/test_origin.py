"""What a result depends on besides its recipe: the data's content too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mtl.core.contracts import Columns, Dataset
from mtl.core.contracts.records import Component
from mtl.core.contracts.specs import DatasetSpec
from mtl.core.discovery.plugin_loading import Provider
from mtl.core.discovery.registry import Entry
from mtl.core.execution.origin import data_origin
from mtl.core.recipe.recipe import Choice


class Filed(Dataset):
    def __init__(self, *, file: Path, broken: bool = False) -> None:
        self.file, self.broken = file, broken

    def spec(self) -> DatasetSpec:
        raise NotImplementedError

    def load(self) -> Mapping[str, Columns]:
        raise NotImplementedError

    def sources(self) -> Sequence[Path] | None:
        if self.broken:
            raise ValueError("no such thing")
        return [self.file]


def found(file: Path, **options: Any) -> str:
    component = Component("dataset", "filed", "Reads a file", f"{__name__}:Filed")
    entry = Entry(component, Provider("filed", "tests", ""))
    registry: Any = SimpleNamespace(find=lambda kind, name: entry)
    return data_origin(Choice("filed", {"file": file, **options}), registry)


def test_data_that_changes_has_another_origin(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("one")
    first = found(file)
    assert first == found(file) != ""
    file.write_text("another")
    assert found(file) != first


def test_data_that_fails_is_left_to_the_training_to_tell(tmp_path: Path) -> None:
    assert found(tmp_path / "none") == ""
    assert found(tmp_path / "none", broken=True) == ""
