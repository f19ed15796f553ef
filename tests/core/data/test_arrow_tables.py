"""Parquet and Arrow files are tables like others; what they say of their columns counts."""

from __future__ import annotations

import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mtl.core.base.errors import MissingRequirementError, UsageError
from mtl.core.data.tables import find_table, read_table

pa = pytest.importorskip("pyarrow")
import pyarrow.feather  # noqa: E402
import pyarrow.parquet  # noqa: E402

PNG = b"\x89PNG\r\n\x1a\n..."


def parquet(path: Path, columns, metadata=None) -> Path:
    table = pa.table(columns)
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)
    return path


def test_values_become_what_a_csv_would_have(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        {
            "file": ["a.png", " b.png "],
            "yes": [True, None],
            "n": pa.array([3, None]),
            "x": [0.5, float("nan")],
            "price": [Decimal("1.50"), None],
            "day": [date(2026, 11, 28), None],
            "kind": pa.array(["red", "blue"]).dictionary_encode(),
            "tags": [["x"], []],
        },
    )
    table = read_table(path)
    assert table.columns == {
        "file": ["a.png", "b.png"],
        "yes": ["true", None],
        "n": ["3", None],
        "x": ["0.5", "nan"],
        "price": ["1.50", None],
        "day": ["2026-11-28", None],
        "kind": ["red", "blue"],
        "tags": ['["x"]', "[]"],
    }
    assert table.unread == {}
    assert table.listed([1]) == "row 2"


@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "stream.arrow"])
def test_arrow_files_and_streams_are_read(tmp_path: Path, name: str) -> None:
    path, table = tmp_path / name, pa.table({"file": ["a.png"]})
    if name.startswith("stream"):
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        pyarrow.feather.write_feather(table, str(path))
    assert read_table(path).columns == {"file": ["a.png"]}


def test_classes_that_the_file_states_are_known_by_name(tmp_path: Path) -> None:
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    noted = {"huggingface": json.dumps({"info": {"features": features}})}
    columns = {"file": ["a.png"] * 4, "label": [1, 0, -1, None]}
    table = read_table(parquet(tmp_path / "a.parquet", columns, noted))
    assert table.columns["label"] == ["dog", "cat", None, None]
    assert table.classes == {"label": ("cat", "dog")}
    path = parquet(tmp_path / "b.parquet", {"label": [0, 2]}, noted)
    with pytest.raises(UsageError, match=r"column 'label': 2 is none of its 2 classes \(row 2\)"):
        read_table(path)


@pytest.mark.parametrize("noted", [b"{", b"[]", b'{"info": {"features": 3}}', b"\xff"])
def test_notes_that_are_none_are_passed_over(tmp_path: Path, noted: bytes) -> None:
    path = parquet(tmp_path / "a.parquet", {"label": [0, 1]}, {b"huggingface": noted})
    assert read_table(path).columns["label"] == ["0", "1"]


@pytest.mark.parametrize("wrapped", [True, False])
def test_pictures_in_the_file_are_read_row_by_row(tmp_path: Path, wrapped: bool) -> None:
    contents = [PNG + b"1", PNG + b"2"]
    cells = [{"bytes": c, "path": f"{n}.png"} for n, c in enumerate(contents)] if wrapped else contents
    table = read_table(parquet(tmp_path / "a.parquet", {"image": cells}))
    assert [table.embedded["image"](row) for row in range(2)] == contents
    assert table.columns["image"] == (["row 1: 0.png", "row 2: 1.png"] if wrapped else ["row 1", "row 2"])


def test_pictures_that_are_named_only_are_paths(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = pa.array([{"bytes": None, "path": "a.png"}], type=kind)
    table = read_table(parquet(tmp_path / "a.parquet", {"image": cells}))
    assert table.columns == {"image": ["a.png"]}
    assert not table.embedded


def test_rows_without_their_picture_are_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", {"image": [PNG, None, None]})
    with pytest.raises(UsageError, match=r"column 'image': 2 of 3 rows hold no picture \(row 2\)"):
        read_table(path)


def test_bytes_that_are_no_pictures_are_told_as_such(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", {"file": ["a.png"], "mark": [b"?"], "box": [[1]]})
    told = {"mark": "it holds bytes that are no pictures", "box": "it holds lists or objects"}
    assert read_table(path).unread == told


def test_a_folder_may_have_its_table_as_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path / "metadata.parquet", {"file_name": ["a.png"]})
    assert find_table(tmp_path) == path


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + b"\0" * 99 + b"PAR1", b"ARROW1\0\0" + b"\xff" * 99]
)
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=rf"{name}: cannot be read as a table"):
        read_table(tmp_path / name)


def test_too_many_cells_and_columns_and_no_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "a.parquet", {"a": list(range(6))})
    monkeypatch.setattr("mtl.core.data.tables.MOST_CELLS", 5)
    with pytest.raises(UsageError, match="has 6 cells, too many for a table"):
        read_table(path)
    monkeypatch.undo()
    monkeypatch.setattr("mtl.core.data.arrow_tables.LARGEST", 5)
    with pytest.raises(UsageError, match="bytes of values, too many for a table"):
        read_table(path)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="1,001 columns; at most 1,000 are read"):
        read_table(parquet(tmp_path / "b.parquet", {str(n): [0] for n in range(1001)}))
    with pytest.raises(UsageError, match="has no rows"):
        read_table(parquet(tmp_path / "c.parquet", {"a": pa.array([], pa.string())}))


def test_without_pyarrow_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "a.parquet", {"a": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        MissingRequirementError, match=r"a\.parquet: pyarrow, which reads .* is not"
    ) as caught:
        read_table(path)
    assert caught.value.hint == "pip install 'mtl-composer[parquet]', or save the table as CSV"
