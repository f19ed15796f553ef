"""A table's file: its form, its encoding, and what is said of files that are no tables."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from mtl.core.base.errors import UsageError
from mtl.core.data.tables import find_table, read_table

CELLS = {"file": ["a.png", "b.png"], "colour": ["red", ""]}


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_csv_is_read_with_the_delimiter_it_has(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"file{delimiter}colour\na.png{delimiter} red \n\nb.png{delimiter}\n")
    table = read_table(path)
    assert table.columns == CELLS
    assert table.lines == [2, 4]


def test_tsv_is_parted_by_tabs_whatever_else_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("file,a,b,c\tcolour\nx\ty\n")
    assert list(read_table(path).columns) == ["file,a,b,c", "colour"]


def test_quoted_cells_may_hold_delimiters_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('file,note\na.png,"red, or\nblue"\nb.png,x\n')
    table = read_table(path)
    assert table.columns["note"] == ["red, or\nblue", "x"]
    assert table.lines == [2, 4]


def test_json_lines_have_holes_where_keys_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"file": "a.png", "n": 3}, {"file": "b.png", "yes": True, "n": None}, {"tags": ["x"], "n": 0.5}]
    path.write_text("\n\n".join(map(json.dumps, rows)))
    table = read_table(path)
    assert table.columns == {
        "file": ["a.png", "b.png", None],
        "n": ["3", None, "0.5"],
        "yes": [None, "true", None],
        "tags": [None, None, '["x"]'],
    }
    assert table.unread == {}
    assert table.lines == [1, 3, 5]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (codecs.BOM_UTF8 + "file,größe\na,1".encode(), "utf-8"),
        ("file,größe\na,1".encode("utf-16"), "utf-8"),
        ("file,größe\r\na,1".encode("cp1252"), "cp1252"),
    ],
)
def test_encodings_and_marks(tmp_path: Path, content: bytes, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert read_table(path, encoding).columns == {"file": ["a"], "größe": ["1"]}


def test_columns_without_a_name_are_numbered_and_an_empty_last_one_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",file,\n0,a.png,\n")
    assert read_table(path).columns == {"column 1": ["0"], "file": ["a.png"]}


def test_a_folder_has_its_table_by_its_usual_name(tmp_path: Path) -> None:
    (tmp_path / "metadata.jsonl").write_text("{}")
    assert find_table(tmp_path) == tmp_path / "metadata.jsonl"
    assert find_table(tmp_path / "other.csv") == tmp_path / "other.csv"


def refusal(path: Path, encoding: str = "utf-8") -> str:
    with pytest.raises(UsageError) as caught:
        read_table(find_table(path), encoding)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.xlsx",
            b"PK\x03\x04...",
            (
                "a.xlsx: is an Excel file, or another zip file, not a text table\n"
                "  hint: save it in Excel as: CSV UTF-8"
            ),
        ),
        (
            "a.csv",
            b"PAR1...",
            ("a.csv: is a Parquet file, not a text table\n  hint: its name must end in .parquet"),
        ),
        (
            "a.csv",
            "file,a\nb,größe".encode("cp1252"),
            (
                "a.csv:2: is no text in utf-8 (byte 11)\n"
                "  hint: save it as UTF-8, or name its encoding: --set dataset.encoding=cp1252"
            ),
        ),
        (
            "a.csv",
            b"a,b\n\0,c",
            (
                "a.csv:2: holds a null character: it is no text table\n"
                "  hint: a CSV, TSV, JSON lines, Parquet or Arrow file, "
                "or a folder with a metadata.csv, .jsonl or .parquet"
            ),
        ),
        ("a.csv", b" \n", "a.csv: is empty\n  hint: a table begins with a line of column names"),
        ("a.csv", b"a,b\n", "a.csv: has no rows\n  hint: a row per picture follows the line of column names"),
        (
            "a.csv",
            b"img/1.png,red\nimg/2.png,blue",
            (
                "a.csv:1: 'img/1.png' is the path of a picture, expected a line of column names\n"
                "  hint: begin the table with one, such as: file,label"
            ),
        ),
        ("a.csv", b"a,a\n1,2", "a.csv: two columns are called 'a'\n  hint: rename one of them"),
        (
            "a.csv",
            b"a,b\n1,2\n1\n1,2,3\n",
            (
                "a.csv:3: has 1 cells, the line of names has 2, and 1 more rows "
                'like it\n  hint: put text with commas into quotes: "a, b"'
            ),
        ),
        (
            "a.csv",
            b'a,b\n1,2\n"x,2\n',
            "a.csv:3: unexpected end of data\n  hint: a quote that is not closed?",
        ),
        (
            "a.csv",
            b"\x1b[31m,b\n1,2",
            "a.csv: the column name '\\x1b[31m' cannot be shown\n  hint: rename it",
        ),
        (
            "a.jsonl",
            b'{"a": 1}\n{"a"',
            (
                "a.jsonl:2: is no JSON: Expecting ':' delimiter: line 1 column 5 (char 4)"
                "\n  hint: one object a line"
            ),
        ),
        ("a.jsonl", b"[1]", 'a.jsonl:1: is no object\n  hint: one object a line: {"file_name": ...}'),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name) == said


@pytest.mark.parametrize("encoding", ["klingon", "hex", "a\0"])
def test_an_encoding_that_is_none_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2")
    assert "encoding" in refusal(tmp_path / "a.csv", encoding)


def test_many_columns_and_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text(",".join(map(str, range(1001))) + "\n")
    assert refusal(path) == "a.csv: 1,001 columns; at most 1,000 are read"
    monkeypatch.setattr("mtl.core.data.tables.MOST_CELLS", 5)
    path.write_text("a,b\n" + "1,2\n" * 9)
    assert refusal(path).startswith("a.csv: has more than 5 cells")


def test_a_folder_without_a_table_says_what_it_has(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    assert refusal(folder) == (
        "photos: holds no metadata.csv, metadata.tsv, metadata.jsonl or metadata.parquet\n"
        "  hint: name the table's file"
    )
    (folder / "labels.csv").write_text("")
    assert refusal(folder).endswith("hint: name a table in it: labels.csv")
    for name in ("a.csv", "b.csv", "c.csv", "d.csv"):
        (folder / name).write_text("")
    assert refusal(folder).endswith("hint: name a table in it: a.csv, b.csv, c.csv and 2 more")
    for name in ("metadata.csv", "metadata.tsv"):
        (folder / name).write_text("")
    assert refusal(folder).startswith("photos: holds metadata.csv and metadata.tsv\n")
